-- What every case shares: the table of allowed moves, the case itself, its transitions, commands and the audit trail.
-- A move the table does not list, a skipped state, a decision without its person, reason or audit row can't be stored.
-- +goose Up
create table allowed_transition (
    machine         text    not null,
    machine_version integer not null,
    from_state      text    not null, -- '' is "not yet begun"
    event           text    not null,
    to_state        text    not null,
    human_only      boolean not null,
    needs_reason    boolean not null,
    primary key (machine, machine_version, from_state, event, to_state),
    unique (machine, machine_version, from_state, event, to_state, human_only, needs_reason)
);

create table command (
    id         bigint generated always as identity primary key,
    channel    text        not null,
    key        text        not null check (key <> ''),
    verb       text        not null,
    actor_kind text        not null check (actor_kind in ('citizen', 'staff', 'job', 'system')),
    actor_id   bigint      not null,
    at         timestamptz not null,
    result     jsonb,
    unique (channel, key)
);

create table audit_event (
    id           bigint generated always as identity primary key,
    at           timestamptz not null,
    actor_kind   text        not null check (actor_kind in ('citizen', 'staff', 'job', 'system')),
    actor_id     bigint      not null,
    role         text        not null,
    on_behalf_of bigint,
    channel      text        not null,
    action       text        not null,
    object_kind  text        not null,
    object_id    bigint      not null,
    reason_code  text,
    note         text,
    detail       jsonb       not null default '{}', -- ids and codes only, never a name, a number or a text
    rule_version integer     not null default 0,
    command_id   bigint references command
);
create index audit_event_object on audit_event (object_kind, object_id, id);

-- The seal is a chain of its own behind the commit: one sealer takes events in order, so no booking waits for the chain.
create table audit_seal (
    seq       bigint primary key check (seq >= 1),
    prev_seq  bigint unique references audit_seal (seq),
    event_id  bigint not null unique references audit_event,
    prev_hash bytea  not null,
    hash      bytea  not null unique,
    check ((seq = 1 and prev_seq is null) or prev_seq = seq - 1)
);

-- Events not yet sealed. What is neither sealed nor here has been tampered with. The hour is the database's own.
create table audit_pending (
    event_id bigint primary key references audit_event,
    since    timestamptz not null default clock_timestamp()
);

-- +goose StatementBegin
create function audit_await_seal() returns trigger language plpgsql as $$
begin
    insert into audit_pending (event_id) select id from fresh;
    return null;
end $$;
-- +goose StatementEnd
create trigger audit_event_awaits_seal after insert on audit_event referencing new table as fresh
    for each statement execute function audit_await_seal();

create table case_file (
    id               bigint generated always as identity primary key,
    ref              text        not null unique check (ref ~ '^[0-9]{8}$'),
    machine          text        not null,
    machine_version  integer     not null,
    account_id       bigint      not null references account,
    authority_id     bigint references authority,
    establishment_id bigint references establishment,
    state            text        not null,
    version          integer     not null check (version >= 1),
    created_at       timestamptz not null,
    due_at           timestamptz, -- null: no clock runs
    clock_left       interval,    -- set while the clock is stopped
    alarm            smallint    not null default 0 check (alarm in (0, 80, 100)),
    claimed_by       bigint,
    claimed_until    timestamptz
);
create index case_file_account on case_file (account_id, id desc);
create index case_file_inbox on case_file (authority_id, machine, state, due_at);
create index case_file_due on case_file (due_at) where due_at is not null;

create table transition (
    case_id         bigint      not null references case_file,
    seq             integer     not null check (seq >= 1),
    prev_seq        integer,
    machine         text        not null,
    machine_version integer     not null,
    from_state      text        not null,
    event           text        not null,
    to_state        text        not null,
    human_only      boolean     not null,
    needs_reason    boolean     not null,
    at              timestamptz not null,
    actor_kind      text        not null,
    actor_id        bigint      not null,
    role            text        not null,
    channel         text        not null,
    reason_code     text,
    audit_id        bigint      not null unique references audit_event,
    primary key (case_id, seq),
    unique (case_id, seq, to_state),
    foreign key (machine, machine_version, from_state, event, to_state, human_only, needs_reason)
        references allowed_transition (machine, machine_version, from_state, event, to_state, human_only, needs_reason),
    foreign key (case_id, prev_seq, from_state) references transition (case_id, seq, to_state),
    check ((seq = 1 and prev_seq is null and from_state = '') or (prev_seq = seq - 1 and from_state <> '')),
    check (not human_only or (actor_kind = 'staff' and role <> '')),
    check (not needs_reason or reason_code is not null)
);

-- A case stands where its last transition put it.
alter table case_file
    add constraint case_file_stands_where_moved foreign key (id, version, state)
        references transition (case_id, seq, to_state) deferrable initially deferred;

-- A transition without its case moved, or with an audit row that tells of something else, can't be committed.
-- +goose StatementBegin
create function transition_holds() returns trigger language plpgsql as $$
begin
    if not exists (select from case_file c where c.id = new.case_id and c.version >= new.seq) then
        raise exception 'transition % of case % did not move the case', new.seq, new.case_id using errcode = 'check_violation';
    end if;
    if not exists (select from audit_event a where a.id = new.audit_id and a.object_kind = new.machine and a.object_id = new.case_id
            and a.action = new.machine || '.' || new.event and (a.actor_kind, a.actor_id, a.at) = (new.actor_kind, new.actor_id, new.at)) then
        raise exception 'audit event % does not tell of transition % of case %', new.audit_id, new.seq, new.case_id
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
-- +goose StatementEnd
create constraint trigger transition_holds after insert on transition deferrable initially deferred
    for each row execute function transition_holds();

-- +goose StatementBegin
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
-- +goose StatementEnd
create trigger audit_event_append_only before update or delete or truncate on audit_event for each statement execute function refuse_change();
create trigger audit_seal_append_only before update or delete or truncate on audit_seal for each statement execute function refuse_change();
create trigger transition_append_only before update or delete or truncate on transition for each statement execute function refuse_change();
