-- Staff, roles, grants.
-- +goose Up
select 1;
