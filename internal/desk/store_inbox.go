package desk

const sqlStanding = `
select c.id, c.ref, c.machine, c.machine_version, c.account_id, c.authority_id, c.establishment_id, c.state, c.version,
    c.created_at, c.due_at, c.clock_left, c.alarm,
    s.id as claimed_by, coalesce(s.name, '') as claimed_name, case when s.id is not null then c.claimed_until end as claimed_until,
    a.country, coalesce(r.id is not null and r.detainee_id is null, false) as unmatched,
    exists (select from staff_conflict x where x.case_id = c.id and x.staff_id = $2) as close
from case_file c
join account a on a.id = c.account_id
left join permit_request r on r.id = c.id
left join staff s on s.id = c.claimed_by and c.claimed_until > $3
where c.ref = $1`

const sqlClaim = `
update case_file set claimed_by = $2, claimed_until = $4
where id = $1 and (claimed_by is null or claimed_by = $2 or claimed_until <= $3)`

const sqlRelease = `update case_file set claimed_by = null, claimed_until = null where id = $1 and claimed_by = $2`

const sqlDeclareClose = `
insert into staff_conflict (staff_id, case_id, declared_at) values ($1, $2, $3) on conflict do nothing`

const sqlLastMove = `
select coalesce(s.name, ''), t.at
from case_file c join transition t on t.case_id = c.id and t.seq = c.version
left join staff s on t.actor_kind = 'staff' and s.id = t.actor_id
where c.ref = $1`

// $1 role, $2 authorities, $3 establishments, $4 countries, $5 the reader, $6 states, $7 now.
const inboxScope = `
from case_file c
join permit_request r on r.id = c.id
join account a on a.id = c.account_id
where c.machine = 'permit_request' and c.state = any($6::text[])
  and case $1::text
      when 'authority' then c.authority_id = any($2::bigint[])
      when 'clerk' then c.establishment_id = any($3::bigint[])
          or c.establishment_id is null and r.detainee_id is null and a.country = any($4::text[])
      else false end
  and not exists (select from staff_conflict x where x.case_id = c.id and x.staff_id = $5)`

const inboxRows = `
select i.id, i.ref, i.state, i.created_at, i.due_at, i.answer_by, i.alarm, i.unmatched,
    v.n, v.relations, coalesce(e.short_name, ''), coalesce(e.short_name_ar, ''), coalesce(s.id, 0), coalesce(s.name, '')
from (
    select c.id, c.ref, c.state, c.created_at, c.due_at, c.alarm, c.establishment_id, c.claimed_by, c.claimed_until,
        case when c.state = 'INFO_NEEDED' then r.answer_by::timestamptz end as answer_by, r.detainee_id is null as unmatched`

const inboxJoins = `
) i
left join establishment e on e.id = i.establishment_id
left join staff s on s.id = i.claimed_by and i.claimed_until > $7
cross join lateral (
    select count(*)::int as n, coalesce(array_agg(distinct p.relation), '{}') as relations
    from permit_request_visitor p where p.request_id = i.id) v`

const sqlInbox = inboxRows + inboxScope + `
    order by coalesce(c.alarm = 100 or c.due_at < $7, false) desc, coalesce(c.due_at, r.answer_by::timestamptz) nulls last, c.id
    limit $8 offset $9` + inboxJoins + `
order by coalesce(i.alarm = 100 or i.due_at < $7, false) desc, coalesce(i.due_at, i.answer_by) nulls last, i.id`

const sqlInboxEnded = inboxRows + inboxScope + `
    order by c.id desc limit $8 offset $9` + inboxJoins + `
where $7::timestamptz is not null
order by i.id desc`

const sqlInboxCount = `
select count(*)::int, (count(*) filter (where c.alarm = 100 or c.due_at < $7))::int` + inboxScope
