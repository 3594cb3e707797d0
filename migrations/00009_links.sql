-- What staff want of each bind, how it stands and what it did, by the minute; and the wish that the operators file be read
-- anew. In the database, because the back-office may run in another process than the binds.
-- +goose Up
create table bind_wish (
    operator    text    not null,
    bind        text    not null,
    wish        text    not null default 'run' check (wish in ('run', 'pause', 'drain')),
    trace_until timestamptz,
    version     integer not null default 1 check (version >= 1),
    set_by      bigint  not null references staff,
    set_at      timestamptz not null,
    primary key (operator, bind)
);

-- One row for each process that keeps the bind. seen_at is this database's clock: who is silent can't say so himself.
create table bind_state (
    operator    text    not null check (operator <> ''),
    bind        text    not null check (bind <> ''),
    process     text    not null,
    address     text    not null,
    mode        text    not null check (mode in ('transceiver', 'transmitter', 'receiver')),
    state       text    not null check (state in ('bound', 'paused', 'draining', 'drained', 'connecting', 'refused', 'down')),
    since       timestamptz not null,
    rebinds     integer not null check (rebinds >= 0),
    resting     boolean not null, -- bound, and the operator takes nothing just now
    cause       text    check (cause in ('unreachable', 'tls', 'refused', 'no_answer', 'silent', 'unbound', 'lost', 'inactive',
                                         'throttled', 'temporary', 'rejected', 'unanswered', 'stopped')),
    code        bigint  check (code between 0 and 4294967295), -- command_status, where the cause has one
    cause_at    timestamptz,
    in_flight   integer not null check (in_flight >= 0),
    window_size integer not null check (window_size >= 1),
    tps         double precision not null check (tps >= 0), -- 0: no limit
    seen_at     timestamptz not null,
    primary key (operator, bind, process),
    check ((cause is null) = (cause_at is null)),
    check (code is null or cause is not null)
);

-- Operators as the file describes them, for those who can't read it.
create table operator_state (
    operator    text   primary key check (operator <> ''),
    prefixes    text[] not null,
    short_codes text[] not null,
    ussd_codes  text[] not null,
    fallback    text[] not null,
    http        text   not null, -- format of its HTTP side; empty: none
    seen_at     timestamptz not null
);

-- Kept for 90 days.
create table bind_minute (
    operator    text    not null,
    bind        text    not null,
    minute      timestamptz not null,
    submitted   integer not null check (submitted >= 0),
    sent        integer not null check (sent >= 0),
    throttled   integer not null check (throttled >= 0),
    temporary   integer not null check (temporary >= 0),
    rejected    integer not null check (rejected >= 0),
    unknown     integer not null check (unknown >= 0),
    delivered   integer not null check (delivered >= 0), -- receipts, on the bind that brought them
    undelivered integer not null check (undelivered >= 0),
    inbound     integer not null check (inbound >= 0),
    ussd        integer not null check (ussd >= 0),
    response_ms bigint  not null check (response_ms >= 0), -- of all that were answered, together
    primary key (operator, bind, minute)
);
create index bind_minute_age on bind_minute (minute);

create table bind_error (
    operator text    not null,
    bind     text    not null,
    minute   timestamptz not null,
    cause    text    not null,
    code     bigint  not null check (code between 0 and 4294967295), -- 0: none
    count    integer not null check (count >= 1),
    last_at  timestamptz not null,
    primary key (operator, bind, minute, cause, code)
);
create index bind_error_age on bind_error (minute);

create table operators_reload (
    id       bigint generated always as identity primary key,
    asked_by bigint references staff, -- null: by a signal
    asked_at timestamptz not null,
    process  text -- the only one asked; null: all
);
create index operators_reload_age on operators_reload (asked_at);

create table operators_reload_done (
    reload_id bigint not null references operators_reload on delete cascade,
    process   text   not null,
    done_at   timestamptz not null,
    outcome   text   not null check (outcome in ('applied', 'unchanged', 'refused')),
    detail    text   not null, -- what changed, or what to change in the file
    primary key (reload_id, process)
);
