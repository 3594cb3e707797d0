package desk

// $1 role, $2 establishments, $3 countries, $4 the reader. The scope is that of Who.sees.
const missedScope = `
join message m on m.id = f.message_id and m.called_at is null
join case_file c on c.id = m.case_id
join account a on a.id = c.account_id
left join permit_request r on r.id = c.id
where case $1::text
      when 'clerk' then c.establishment_id = any($2::bigint[])
          or c.establishment_id is null and r.id is not null and r.detainee_id is null and a.country = any($3::text[])
      when 'establishment' then c.machine <> 'permit_request' and c.establishment_id = any($2::bigint[])
      else false end
  and not exists (select from staff_conflict x where x.case_id = c.id and x.staff_id = $4)`

// Texts of which a part failed since $5, unless they were told again to a second number. $6 and $7 are the page.
const sqlMissed = `
with f as (
    select p.message_id, max(p.final_at) as at, coalesce(max(p.reason), '') as reason,
        (array_agg(p.state order by array_position(array['undelivered', 'refused', 'expired', 'unknown'], p.state)))[1] as state
    from message_part p
    where p.state in ('undelivered', 'refused', 'expired', 'unknown') and p.final_at > $5
    group by p.message_id
)
select m.id, f.at, f.state, f.reason, c.id, c.ref, c.machine, m.lang, m.number_sealed, m.body_sealed
from f` + missedScope + `
  and not exists (select from message_told s where s.case_id = m.case_id and s.occasion = 'second:' || m.id)
order by f.at desc, m.id desc limit $6 offset $7`

const sqlMissedCase = `
select c.id, c.machine from (select $5::bigint as message_id) f` + missedScope
