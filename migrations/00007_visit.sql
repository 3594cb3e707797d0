-- Timetables, occurrences and visits.
-- Counts of places, weekly rights and permit uses change only through the triggers below, with the visit row that
-- causes them; the checks on the counts are what refuses an overbooked, un-permitted or excessive visit.
-- +goose Up
create table session_template (
    id               bigint generated always as identity primary key,
    establishment_id bigint      not null references establishment,
    room             text        not null,
    kind             text        not null check (kind in ('contact', 'separated', 'official', 'basket', 'video')),
    weekday          smallint    not null check (weekday between 0 and 6), -- 0 is Sunday
    starts           time        not null,
    ends             time        not null,
    every_weeks      smallint    not null default 1 check (every_weeks between 1 and 52),
    valid_from       date        not null,
    valid_to         date,
    capacity_groups  integer     not null check (capacity_groups > 0),
    capacity_heads   integer     not null check (capacity_heads >= capacity_groups),
    sectors          text[]      not null default '{}', -- empty: all
    sectors_out      text[]      not null default '{}',
    categories       text[]      not null default '{}', -- empty: all
    statuses         text        not null default 'all' check (statuses in ('all', 'remand', 'convicted')),
    on_request       boolean     not null default false, -- the establishment answers each wish
    version          integer     not null default 1,
    check (ends > starts),
    check (valid_to >= valid_from),
    unique (establishment_id, room, weekday, starts, valid_from)
);

-- Places kept back inside the capacity; what is left is the public pool.
create table session_template_pool (
    template_id  bigint   not null references session_template on delete cascade,
    pool         text     not null check (pool <> 'public'),
    places       integer  not null check (places > 0),
    release_days smallint not null default 2 check (release_days >= 0), -- days before, when unused places go to the public
    primary key (template_id, pool)
);

create table occurrence (
    id               bigint generated always as identity primary key,
    template_id      bigint      not null references session_template,
    establishment_id bigint      not null references establishment,
    kind             text        not null,
    day              date        not null, -- in the establishment's zone
    period           tstzrange   not null check (not isempty(period) and lower_inc(period) and not upper_inc(period)),
    capacity_groups  integer     not null,
    held             integer     not null default 0,
    booked           integer     not null default 0,
    capacity_heads   integer     not null,
    heads            integer     not null default 0,
    closed_at        timestamptz,
    closed_by        bigint,
    close_reason     text,
    version          integer     not null default 1,
    unique (template_id, day),
    unique (id, establishment_id, day, period),
    constraint occurrence_groups check (held >= 0 and booked >= 0 and held + booked <= capacity_groups),
    constraint occurrence_heads check (heads >= 0 and heads <= capacity_heads),
    check ((closed_at is null) = (close_reason is null))
);
create index occurrence_day on occurrence (establishment_id, day);

create table occurrence_pool (
    occurrence_id bigint  not null references occurrence,
    pool          text    not null,
    places        integer not null check (places >= 0),
    used          integer not null default 0 check (used >= 0),
    release_on    date,
    primary key (occurrence_id, pool),
    constraint occurrence_pool_places check (used <= places)
);
create index occurrence_pool_release on occurrence_pool (release_on) where release_on is not null;

create table entitlement_week (
    detainee_id bigint   not null references detainee,
    week_start  date     not null,
    kind        text     not null,
    used        smallint not null default 0 check (used >= 0),
    allowed     smallint not null check (allowed >= 0),
    extra       smallint not null default 0 check (extra >= 0), -- authorised beyond the rule, audited with its reason
    primary key (detainee_id, week_start, kind),
    constraint entitlement_week_used check (used <= allowed + extra)
);

create table visit (
    id               bigint primary key references case_file,
    code             text check (code ~ '^[0-9]{8}$'),
    account_id       bigint      not null references account,
    detainee_id      bigint      not null references detainee,
    establishment_id bigint      not null,
    occurrence_id    bigint      not null,
    day              date        not null,
    period           tstzrange   not null,
    kind             text        not null,
    pool             text        not null default 'public',
    heads            smallint    not null check (heads > 0),
    week_start       date, -- null: no weekly limit for this kind
    channel          text        not null,
    replaces         bigint references visit, -- the visit that this one is to take the place of
    state            text        not null,    -- as in case_file; kept by trigger
    excused          boolean     not null default false, -- rights given back although the visit failed
    hold_expires_at  timestamptz,
    nudged_at        timestamptz, -- "your place is kept until" has been sent
    reminded         smallint,    -- days before the visit of the last reminder
    checked_in_at    timestamptz,
    late_cancel      boolean     not null default false,
    outcome          text,
    -- What the visit means for persons and rights. A hold that is to replace a visit takes a place but no right
    -- until it does.
    stage            text        not null generated always as (case
        when state in ('REQUESTED', 'BOOKED', 'CHECKED_IN') or (state = 'HELD' and replaces is null) then 'live'
        when state = 'DONE' then 'done'
        when state in ('NO_SHOW', 'REFUSED_GATE') and not excused then 'spent'
        else 'free' end) stored,
    foreign key (occurrence_id, establishment_id, day, period) references occurrence (id, establishment_id, day, period),
    foreign key (occurrence_id, pool) references occurrence_pool,
    unique (id, detainee_id, period, stage),
    check (state <> 'HELD' or hold_expires_at is not null),
    check (state not in ('BOOKED', 'CHECKED_IN') or code is not null),
    constraint visit_detainee_once exclude using gist (detainee_id with =, period with &&) where (stage = 'live')
);
create index visit_occurrence on visit (occurrence_id);
create index visit_account on visit (account_id, id desc);
create index visit_day on visit (establishment_id, day);
create index visit_detainee on visit (detainee_id, day);
create index visit_holds on visit (hold_expires_at) where state = 'HELD';

create table visit_visitor (
    visit_id    bigint    not null,
    visitor_id  bigint    not null references visitor,
    country     text      not null,
    person      bytea     not null, -- visitor.id_number_index: one person may be in two households
    detainee_id bigint    not null,
    permit_id   bigint    not null,
    lead        boolean   not null default false,
    age         smallint  not null check (age between 0 and 130), -- on the day of the visit
    counted     boolean   not null default true,                  -- infants may not take a place
    period      tstzrange not null,
    stage       text      not null,
    attendance  text      not null default 'expected' check (attendance in ('expected', 'present', 'refused')),
    gate_reason text,
    gate_at     timestamptz,
    gate_by     bigint,
    permit_use  text      not null generated always as (case
        when stage = 'spent' or (attendance = 'present' and stage in ('live', 'done')) then 'used'
        when stage = 'live' then 'committed'
        else 'none' end) stored,
    primary key (visit_id, visitor_id),
    foreign key (visit_id, detainee_id, period, stage) references visit (id, detainee_id, period, stage) on update cascade,
    foreign key (permit_id, visitor_id, detainee_id) references permit (id, visitor_id, detainee_id),
    check (attendance <> 'refused' or gate_reason is not null),
    constraint visit_visitor_once exclude using gist (person with =, country with =, period with &&) where (stage = 'live')
);
create unique index visit_visitor_lead on visit_visitor (visit_id) where lead;
create index visit_visitor_permit on visit_visitor (permit_id);

create table visit_flag (
    id          bigint generated always as identity primary key,
    visit_id    bigint      not null references visit,
    kind        text        not null,
    source      text        not null, -- what raised it; the same source flags a visit once
    blocks_gate boolean     not null,
    at          timestamptz not null,
    resolved    text check (resolved in ('kept', 'moved', 'cancelled')),
    resolved_by bigint,
    resolved_at timestamptz,
    unique (visit_id, kind, source)
);

-- One closing of a day or of one occurrence, and the visits that it must cancel.
create table closure (
    id               bigint generated always as identity primary key,
    establishment_id bigint      not null references establishment,
    day              date        not null,
    occurrence_id    bigint references occurrence, -- null: the whole day
    reason_code      text        not null,
    note             text,
    by_staff         bigint      not null,
    at               timestamptz not null,
    finished_at      timestamptz
);
create index closure_open on closure (id) where finished_at is null;

create table closure_visit (
    closure_id bigint not null references closure,
    visit_id   bigint not null references visit,
    done_at    timestamptz,
    primary key (closure_id, visit_id)
);
create index closure_visit_left on closure_visit (closure_id, visit_id) where done_at is null;

-- +goose StatementBegin
create function visit_state_is_case_state() returns trigger language plpgsql as $$
begin
    select c.state into strict new.state from case_file c where c.id = new.id and c.machine = 'visit';
    return new;
end $$;
-- +goose StatementEnd
create trigger visit_state before insert or update of state on visit for each row execute function visit_state_is_case_state();

-- +goose StatementBegin
create function visit_follows_case() returns trigger language plpgsql as $$
begin
    update visit set state = new.state where id = new.id;
    return null;
end $$;
-- +goose StatementEnd
create trigger case_file_visit after update of state on case_file for each row
    when (new.machine = 'visit' and new.state is distinct from old.state) execute function visit_follows_case();

-- A visit that failed or was held at the gate had its place; only a cancelled one gives it back.
-- +goose StatementBegin
create function visit_place(state text) returns text language sql immutable as $$
    select case when state = 'HELD' then 'held'
        when state in ('REQUESTED', 'BOOKED', 'CHECKED_IN', 'DONE', 'NO_SHOW', 'REFUSED_GATE') then 'booked'
        else 'none' end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function visit_counts() returns trigger language plpgsql as $$
declare
    was text := 'none';
    becomes text := visit_place(new.state);
    had boolean := false;
    has boolean := new.stage <> 'free';
    change integer;
begin
    if tg_op = 'UPDATE' then
        was := visit_place(old.state);
        had := old.stage <> 'free';
    end if;
    if had <> has and new.week_start is not null then
        update entitlement_week set used = used + has::integer - had::integer
        where detainee_id = new.detainee_id and week_start = new.week_start and kind = new.kind;
        if not found then
            raise exception 'visit %: no weekly right', new.id using errcode = 'check_violation',
                constraint = 'entitlement_week_used';
        end if;
    end if;
    if was <> becomes then
        change := (becomes <> 'none')::integer - (was <> 'none')::integer;
        update occurrence set
            held = held + (becomes = 'held')::integer - (was = 'held')::integer,
            booked = booked + (becomes = 'booked')::integer - (was = 'booked')::integer,
            heads = heads + change * new.heads
        where id = new.occurrence_id and (change <= 0 or closed_at is null);
        if not found then
            raise exception 'occurrence % is closed', new.occurrence_id using errcode = 'check_violation',
                constraint = 'occurrence_open';
        end if;
        if change <> 0 then
            update occurrence_pool set used = used + change where occurrence_id = new.occurrence_id and pool = new.pool;
        end if;
    end if;
    return null;
end $$;
-- +goose StatementEnd
create trigger visit_counts after insert or update of state, excused on visit for each row execute function visit_counts();

-- What a visit counts by never changes: another hour is another visit.
-- +goose StatementBegin
create function visit_is_fixed() returns trigger language plpgsql as $$
begin
    raise exception 'visit %: its place, persons and week are fixed', old.id using errcode = 'restrict_violation';
end $$;
-- +goose StatementEnd
create trigger visit_fixed before update on visit for each row
    when ((old.detainee_id, old.establishment_id, old.occurrence_id, old.day, old.period, old.kind, old.pool, old.heads,
           old.week_start, old.replaces)
        is distinct from (new.detainee_id, new.establishment_id, new.occurrence_id, new.day, new.period, new.kind, new.pool,
           new.heads, new.week_start, new.replaces))
    execute function visit_is_fixed();
create trigger visit_kept before delete or truncate on visit for each statement execute function refuse_change();
create trigger visit_visitor_kept before delete or truncate on visit_visitor for each statement execute function refuse_change();

-- Each visitor of a visit to come holds a permit that is in force, valid on the day and for the place. The permit's case
-- is locked against being suspended or revoked until the visit is stored.
-- +goose StatementBegin
create function visit_visitor_permitted() returns trigger language plpgsql as $$
begin
    perform 1
    from visit v
    join permit p on p.id = new.permit_id
    join case_file c on c.id = p.id
    where v.id = new.visit_id
        and c.state in ('ACTIVE', 'PENDING_SIGHT')
        and p.valid_from <= v.day and coalesce(p.valid_to >= v.day, true)
        and coalesce(p.establishment_id = v.establishment_id, true)
    for share of c;
    if not found then
        raise exception 'visit %: permit % does not cover it', new.visit_id, new.permit_id
            using errcode = 'check_violation', constraint = 'visit_visitor_permitted';
    end if;
    return null;
end $$;
-- +goose StatementEnd
create trigger visit_visitor_permitted_new after insert on visit_visitor for each row
    when (new.stage = 'live') execute function visit_visitor_permitted();
create trigger visit_visitor_permitted_live after update of stage on visit_visitor for each row
    when (new.stage = 'live' and old.stage <> 'live') execute function visit_visitor_permitted();
-- at the gate the permit is looked at once more
create trigger visit_visitor_permitted_gate after update of attendance on visit_visitor for each row
    when (new.attendance = 'present' and old.attendance <> 'present') execute function visit_visitor_permitted();

-- +goose StatementBegin
create function visit_visitor_person() returns trigger language plpgsql as $$
begin
    select country, id_number_index into strict new.country, new.person from visitor where id = new.visitor_id;
    return new;
end $$;
-- +goose StatementEnd
create trigger visit_visitor_person before insert or update of visitor_id, country, person on visit_visitor
    for each row execute function visit_visitor_person();

-- +goose StatementBegin
create function visit_visitor_counts() returns trigger language plpgsql as $$
declare
    was text := 'none';
begin
    if tg_op = 'UPDATE' then
        was := old.permit_use;
    end if;
    if was <> new.permit_use then
        update permit set
            visits_committed = visits_committed + (new.permit_use = 'committed')::integer - (was = 'committed')::integer,
            visits_used = visits_used + (new.permit_use = 'used')::integer - (was = 'used')::integer
        where id = new.permit_id;
    end if;
    return null;
end $$;
-- +goose StatementEnd
create trigger visit_visitor_counts after insert or update of stage, attendance on visit_visitor for each row
    execute function visit_visitor_counts();

-- At commit every visit has its party: one lead, and as many heads as it takes places.
-- +goose StatementBegin
create function visit_party_whole() returns trigger language plpgsql as $$
begin
    if not exists (
        select 1 from visit_visitor where visit_id = new.id
        having count(*) filter (where lead) = 1 and count(*) filter (where counted) = new.heads
    ) then
        raise exception 'visit %: party is not whole', new.id using errcode = 'check_violation', constraint = 'visit_party_whole';
    end if;
    return null;
end $$;
-- +goose StatementEnd
create constraint trigger visit_party after insert on visit deferrable initially deferred for each row
    execute function visit_party_whole();
