-- Scheduled jobs.
-- +goose Up
select 1;
