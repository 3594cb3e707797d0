-- Timetables, occurrences, visits.
-- +goose Up
select 1;
