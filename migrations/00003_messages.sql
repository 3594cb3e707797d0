-- Outgoing and incoming texts.
-- +goose Up
select 1;
