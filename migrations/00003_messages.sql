-- Outgoing and incoming texts. A text is a promise from the commit that causes it: it is stored here, with its number
-- and body sealed, and nothing of it lives only in memory.
-- +goose Up

-- The id of a text begins with the second of its promise, so that a month of texts is a range of ids: the tables are cut
-- into months by it, an old month is dropped whole, and what is under way lies in one or two of them.
create sequence message_serial minvalue 0 maxvalue 4194303 cycle;

-- The least id of a text promised at this instant: seconds since 1970 above 22 bits of message_serial.
create function message_floor(at timestamptz) returns bigint language sql stable parallel safe
return floor(extract(epoch from at))::bigint << 22;

-- What is told to whom. A row never changes once written but for the notes that another number was tried
-- or the person called instead.
create table message (
    id               bigint primary key,
    created_at       timestamptz not null,
    case_id          bigint references case_file,
    account_id       bigint references account, -- null: a number without an account
    occasion         text,                      -- null: told as often as asked
    text_key         text        not null,
    lang             text        not null,
    class            smallint    not null check (class between 1 and 5),
    operator         text        not null,      -- that serves the number; '' when none does
    recipient        bytea       not null,      -- blind index of the number
    number_sealed    bytea       not null,
    body_sealed      bytea       not null,
    form             text        not null check (form in ('udh8', 'udh16', 'sar', 'payload')), -- how the operator wants long texts
    parts            smallint    not null check (parts between 1 and 255),
    second_at        timestamptz,               -- when another number was looked for, this one having failed
    called_at        timestamptz,               -- staff reached the person by voice
    called_by        bigint,
    check ((called_at is null) = (called_by is null))
) partition by range (id);
create index message_case on message (case_id, id) where case_id is not null;

-- One text per case, occasion, recipient and key is ever stored: this row is written with it, or neither is.
create table message_told (
    message_id bigint not null,
    case_id    bigint,
    occasion   text   not null,
    recipient  bytea  not null,
    text_key   text   not null,
    unique nulls not distinct (case_id, occasion, recipient, text_key)
);
create index message_told_age on message_told using brin (message_id);

-- The life of each part on its way to the operator:
--   later -> queued -> in_doubt -> accepted -> delivered
-- in_doubt is committed before the PDU is written; only from there may a repeat arise. Final: delivered, undelivered,
-- refused, expired, unknown, withdrawn.
create table message_part (
    id          bigint primary key, -- that of the text above 8 bits for the part
    message_id  bigint      not null,
    part        smallint    not null check (part between 1 and 255),
    operator    text        not null, -- whose queue it is in, or who has it
    class       smallint    not null check (class between 1 and 5),
    state       text        not null check (state in ('later', 'queued', 'in_doubt', 'accepted',
                                                      'delivered', 'undelivered', 'refused', 'expired', 'unknown', 'withdrawn')),
    due_at      timestamptz not null, -- later: when it joins the queue
    expires_at  timestamptz not null,
    attempt     integer     not null default 0, -- counts writes to the operator; an answer names the one it belongs to
    retries     smallint    not null default 0, -- temporary refusals, and writes sent again in doubt
    redelivered smallint    not null default 0, -- deliveries that failed
    lane        bigint,      -- the run of a bind that took it last
    bind        text,
    sent_at     timestamptz,
    smsc_id     text,        -- in the operator's normal form
    accepted_at timestamptz,
    final_at    timestamptz,
    code        integer,     -- last command_status or network error of the operator
    reason      text,        -- last outcome word, "throttled", "rejected", "no_route"
    check (id = message_id << 8 | part),
    check ((state in ('in_doubt', 'accepted')) <= (sent_at is not null)),
    check ((state = 'accepted') <= (accepted_at is not null)),
    check ((state in ('delivered', 'undelivered', 'refused', 'expired', 'unknown', 'withdrawn')) = (final_at is not null))
) partition by range (id);
create index message_part_queue on message_part (operator, class, id) where state = 'queued';
create index message_part_later on message_part (due_at) where state = 'later';
create index message_part_in_doubt on message_part (sent_at) where state = 'in_doubt';
-- Doubt that was decided without the operator's word, which may come yet.
create index message_part_decided on message_part (sent_at) where state in ('queued', 'unknown', 'expired') and reason in ('unknown', 'expired') and sent_at is not null;
create index message_part_smsc on message_part (operator, smsc_id) where smsc_id is not null;
create index message_part_failed on message_part (final_at desc) where state in ('undelivered', 'refused', 'expired', 'unknown');

-- What no month has been made for. It is moved when its month is made.
create table message_default partition of message default;
create table message_part_default partition of message_part default with (fillfactor = 80);
alter table message_part_default add foreign key (message_id) references message_default;
create index on message_part_default (message_id);

-- Makes the tables of one month, unless they are there. A part lies in the same month as its text, so each month's
-- parts refer to that month's texts, and the two are dropped without a look at any other.
-- +goose StatementBegin
create function message_month(at timestamptz) returns void language plpgsql security definer set search_path from current as $$
declare
    month  timestamp := date_trunc('month', at at time zone 'UTC');
    name   text := to_char(month, 'YYYY_MM');
    low    bigint := message_floor(month at time zone 'UTC');
    high   bigint := message_floor((month + interval '1 month') at time zone 'UTC');
begin
    lock table message in share update exclusive mode;
    if to_regclass('message_' || name) is not null then
        return;
    end if;
    execute format('create table message_%s (like message including defaults including constraints)', name);
    execute format('create table message_part_%s (like message_part including defaults including constraints) with (fillfactor = 80)', name);
    execute format('with gone as (delete from message_part_default where id >= %s and id < %s returning *)
        insert into message_part_%s select * from gone', low << 8, high << 8, name);
    execute format('with gone as (delete from message_default where id >= %s and id < %s returning *)
        insert into message_%s select * from gone', low, high, name);
    execute format('alter table message attach partition message_%s for values from (%s) to (%s)', name, low, high);
    execute format('alter table message_part attach partition message_part_%s for values from (%s) to (%s)', name, low << 8, high << 8);
    execute format('alter table message_part_%s add foreign key (message_id) references message_%s', name, name);
end $$;

-- Drops the months that ended before this instant; gives how many there were.
create function message_forget(before timestamptz) returns integer language plpgsql security definer set search_path from current as $$
declare
    last   text := to_char(date_trunc('month', before at time zone 'UTC'), 'YYYY_MM');
    name   text;
    months integer := 0;
begin
    for name in
        select substr(c.relname, length('message_') + 1)
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'message'::regclass and c.relname ~ '^message_[0-9]{4}_[0-9]{2}$'
            and substr(c.relname, length('message_') + 1) < last
        order by 1
    loop
        execute format('drop table message_part_%s, message_%s', name, name);
        months := months + 1;
    end loop;
    return months;
end $$;
-- +goose StatementEnd
select message_month(now()), message_month(now() + interval '1 month');

-- Receipts that name no part yet: they may come before the response that gives the part its id. Kept 72 hours.
create table receipt (
    id          bigint generated always as identity primary key,
    operator    text        not null,
    smsc_id     text        not null,
    state       text        not null check (state in ('delivered', 'undelivered')),
    code        integer,
    received_at timestamptz not null,
    unique (operator, smsc_id, state)
);
create index receipt_age on receipt (received_at);

-- What an operator has delivered lately: a repeat of it is acknowledged and goes no further.
create table inbound_seen (
    key     bytea primary key, -- operator, sender, short code, reference and part, body
    seen_at timestamptz not null
);
create index inbound_seen_age on inbound_seen (seen_at);

-- Parts of a long text that has not come whole yet.
create table inbound_part (
    text_group     bytea       not null, -- blind index of operator, sender, short code, reference and total
    part           smallint    not null check (part between 1 and total),
    total          smallint    not null check (total between 2 and 255),
    operator       text        not null,
    short_code     text        not null,
    data_coding    smallint    not null,
    locking        smallint    not null, -- national language tables
    single         smallint    not null,
    number_sealed  bytea       not null,
    payload_sealed bytea       not null,
    received_at    timestamptz not null,
    primary key (text_group, part)
);
create index inbound_part_age on inbound_part (received_at);

-- Whole texts from people, committed before the operator's delivery is acknowledged.
create table inbox (
    id            bigint generated by default as identity primary key,
    operator      text        not null,
    sender        bytea       not null,
    short_code    text        not null,
    number_sealed bytea       not null,
    body_sealed   bytea       not null,
    incomplete    boolean     not null default false, -- parts are missing and will not come
    received_at   timestamptz not null,
    state         text        not null check (state in ('waiting', 'claimed', 'done', 'quarantined', 'flood')),
    due_at        timestamptz not null,
    tries         smallint    not null default 0,
    lost          smallint    not null default 0, -- times that a process died with it under way
    lease_until   timestamptz,
    done_at       timestamptz,
    reason        text, -- why it is quarantined: the kind of error, never the text
    check ((state = 'claimed') = (lease_until is not null)),
    check ((state in ('done', 'quarantined', 'flood')) = (done_at is not null))
);
create index inbox_open on inbox (sender, id) where state in ('waiting', 'claimed');
create index inbox_due on inbox (due_at, id) where state = 'waiting';
create index inbox_leased on inbox (lease_until) where state = 'claimed';
create index inbox_quarantined on inbox (id) where state = 'quarantined';
