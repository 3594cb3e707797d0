-- Permit requests and permits.
-- +goose Up
select 1;
