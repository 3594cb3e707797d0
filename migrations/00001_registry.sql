-- Who and where: establishments, authorities, calendars, rule sets, detainees, accounts, visitors.
-- +goose Up
create extension if not exists btree_gist;
