package visit

const sqlAddTemplate = `
insert into session_template (establishment_id, room, kind, weekday, starts, ends, every_weeks, valid_from, valid_to,
    capacity_groups, capacity_heads, sectors, sectors_out, categories, statuses, on_request)
values ($1, $2, $3, $4, $5::text::time, $6::text::time, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
returning id`

const sqlAddTemplatePool = `
insert into session_template_pool (template_id, pool, places, release_days) values ($1, $2, $3, $4)`

const sqlEndTemplate = `update session_template set valid_to = $2, version = version + 1 where id = $1`

const sqlDropPools = `
delete from occurrence_pool p using occurrence o
where o.id = p.occurrence_id and o.template_id = $1 and o.day > $2
    and not exists (select 1 from visit v where v.occurrence_id = o.id)
    and not exists (select 1 from closure c where c.occurrence_id = o.id)`

const sqlDropOccurrences = `
delete from occurrence o
where o.template_id = $1 and o.day > $2
    and not exists (select 1 from visit v where v.occurrence_id = o.id)
    and not exists (select 1 from closure c where c.occurrence_id = o.id)`

const sqlLeftOver = `select count(*) from occurrence where template_id = $1 and day > $2 and closed_at is null`

// Days that are closed already get none; on a holiday they exist and are shut, for it may move.
const sqlGenerate = `
with o as (
    insert into occurrence (template_id, establishment_id, kind, day, period, capacity_groups, capacity_heads)
    select t.id, t.establishment_id, t.kind, d::date,
        tstzrange((d::date + t.starts) at time zone e.tz, (d::date + t.ends) at time zone e.tz),
        t.capacity_groups, t.capacity_heads
    from session_template t
    join establishment e on e.id = t.establishment_id
    cross join generate_series($2::date, $3::date, interval '1 day') d
    where ($1::bigint[] is null or t.id = any($1))
        and extract(dow from d) = t.weekday
        and d::date >= t.valid_from and coalesce(d::date <= t.valid_to, true)
        and (d::date - t.valid_from) / 7 % t.every_weeks = 0
        and not exists (select 1 from closure c
            where c.establishment_id = t.establishment_id and c.day = d::date and c.occurrence_id is null)
    order by t.id, d
    on conflict (template_id, day) do nothing
    returning id, template_id, day, capacity_groups
), kept as (
    insert into occurrence_pool (occurrence_id, pool, places, release_on)
    select o.id, p.pool, p.places, o.day - p.release_days
    from o join session_template_pool p on p.template_id = o.template_id
), public as (
    insert into occurrence_pool (occurrence_id, pool, places)
    select o.id, 'public', greatest(o.capacity_groups - coalesce((
        select sum(p.places) from session_template_pool p where p.template_id = o.template_id), 0), 0)
    from o
)
select count(*) from o`

const sqlSetCapacity = `
with o as (
    update occurrence n set capacity_groups = $3, capacity_heads = $4, version = n.version + 1
    from (select id, capacity_groups from occurrence where id = $1 for no key update) was
    where n.id = was.id and n.version = $2
    returning n.id, $3 - was.capacity_groups as more
)
update occurrence_pool p set places = p.places + o.more
from o where p.occurrence_id = o.id and p.pool = 'public'`

const sqlExtra = `
insert into entitlement_week as w (detainee_id, week_start, kind, allowed, extra) values ($1, $2, $3, $4, 1)
on conflict (detainee_id, week_start, kind) do update set extra = w.extra + 1`

// Unused places of kept-back pools go to the public.
const sqlReleasePools = `
with due as (
    select p.occurrence_id, p.pool, p.places - p.used as spare
    from occurrence_pool p
    join occurrence o on o.id = p.occurrence_id
    where p.release_on <= $1
    order by p.occurrence_id
    for no key update of o
), kept as (
    update occurrence_pool p set places = p.used, release_on = null
    from due where p.occurrence_id = due.occurrence_id and p.pool = due.pool
    returning p.occurrence_id, due.spare
)
update occurrence_pool p set places = p.places + k.spare
from (select occurrence_id, sum(spare)::integer as spare from kept group by occurrence_id) k
where p.occurrence_id = k.occurrence_id and p.pool = 'public'`
