-- Scheduled jobs: which process runs them now, and which due instants have been run, so that a stop, a second process
-- or a clock that jumps neither skips a run nor doubles it.
-- +goose Up
create table job_lease (
    name   text primary key,
    holder text        not null,
    term   bigint      not null check (term >= 1), -- grows with each holder: the older one's late writes are refused
    until  timestamptz not null                    -- by this database's clock
);

create table job_run (
    job         text        not null,
    due_at      timestamptz not null,
    term        bigint      not null,
    started_at  timestamptz not null,
    finished_at timestamptz, -- null: under way, or its process died
    error       text,        -- why it was given up
    primary key (job, due_at),
    check (error is null or finished_at is not null)
);
create index job_run_unfinished on job_run (job, due_at) where finished_at is null;
