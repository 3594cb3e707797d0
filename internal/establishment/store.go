package establishment

const establishmentColumns = `id, code, country, name_ar, name_fr, short_name, short_name_ar, tz, week_start, phone, active, version`

const sqlEstablishments = `
select ` + establishmentColumns + ` from establishment
where active and ($1 = '' or country = $1) order by short_name, id limit 500`

const sqlEstablishment = `select ` + establishmentColumns + ` from establishment where id = $1`

const sqlEstablishmentByCode = `select ` + establishmentColumns + ` from establishment where code = upper($1) and active`

const sqlPhase = `select phase from establishment_phase where establishment_id = $1 and service = $2`

const sqlInfo = `select body from establishment_info where establishment_id = $1 and topic = $2 and lang = $3`

// The civil day that decides which row holds is the establishment's.
const sqlRules = `
select coalesce(c.rules, '{}') || coalesce(o.rules, '{}'), coalesce(o.id, c.id)::int
from establishment e
join lateral (
    select id, rules from rule_set
    where country = e.country and establishment_id is null and valid_from <= ($2::timestamptz at time zone e.tz)::date
    order by valid_from desc limit 1) c on true
left join lateral (
    select id, rules from rule_set
    where country = e.country and establishment_id = e.id and valid_from <= ($2::timestamptz at time zone e.tz)::date
    order by valid_from desc limit 1) o on true
where e.id = $1`

const sqlCountryRules = `
select r.rules, r.id::int from rule_set r join country c on c.code = r.country
where ($1 = '' or r.country = $1) and r.establishment_id is null and r.valid_from <= ($2::timestamptz at time zone c.tz)::date
order by c.dial_prefix, r.valid_from desc limit 1`

const sqlCalendar = `
select e.country, e.tz, c.rest_days, e.id
from establishment e join country c on c.code = e.country where e.id = $1`

const sqlCountryCalendar = `select code, tz, rest_days, 0::bigint from country where code = $1`

const sqlAuthorityCalendar = `
select a.country, coalesce(e.tz, c.tz), c.rest_days, coalesce(e.id, 0)
from authority a join country c on c.code = a.country left join establishment e on e.id = a.establishment_id
where a.id = $1`

// The country's day comes first, so that the establishment's own replaces it.
const sqlSpecialDays = `
select day, kind from calendar_day
where country = $1 and (establishment_id is null or establishment_id = $2) and day >= $3 and day < $4
order by establishment_id is not null`

// The cover holds until the end of its last day by the country's clock.
const sqlRoute = `
select case when cover.id is not null then cover.id else a.id end
from establishment e
join country c on c.code = e.country
join routing_hint h on h.country = e.country and h.hint = $3
join lateral (
    select kind from routing_rule r
    where r.country = e.country and r.legal_status = coalesce(nullif($2, ''), h.legal_status)
      and r.relation_class = coalesce((select class from relation_class where country = e.country and relation = $4), 'other')
      and r.valid_from <= ($5::timestamptz at time zone c.tz)::date
    order by r.valid_from desc limit 1) k on true
join authority_jurisdiction j on j.establishment_id = e.id and j.kind = k.kind
join authority a on a.id = j.authority_id and a.active
left join authority cover on cover.id = a.cover_id and cover.active
    and a.cover_until >= ($5::timestamptz at time zone c.tz)::date
where e.id = $1`

const authorityColumns = `a.id, a.kind, a.country, a.name_ar, a.name_fr, a.establishment_id, a.parent_id, a.version`

const sqlAuthority = `select ` + authorityColumns + ` from authority a where a.id = $1`

const sqlAuthorities = `
select ` + authorityColumns + ` from authority a join authority_jurisdiction j on j.authority_id = a.id
where j.establishment_id = $1 and a.active order by a.kind, a.id limit 50`

const sqlRelations = `select relation, class from relation_class where country = $1 order by place`
