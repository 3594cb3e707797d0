-- Dialogues and drafts.
-- +goose Up
select 1;
