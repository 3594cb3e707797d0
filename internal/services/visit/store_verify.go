package visit

const sqlVerify = `
with by_occurrence as (
    select occurrence_id, count(*) filter (where visit_place(state) = 'held') as held,
        count(*) filter (where visit_place(state) = 'booked') as booked,
        coalesce(sum(heads) filter (where visit_place(state) <> 'none'), 0) as heads
    from visit group by occurrence_id
), by_pool as (
    select occurrence_id, pool, count(*) as used from visit where visit_place(state) <> 'none' group by occurrence_id, pool
), by_week as (
    select detainee_id, week_start, kind, count(*) as used from visit
    where stage <> 'free' and week_start is not null group by detainee_id, week_start, kind
), by_permit as (
    select permit_id, count(*) filter (where permit_use = 'committed') as committed,
        count(*) filter (where permit_use = 'used') as used
    from visit_visitor group by permit_id
)
select 'places held', o.id, o.held::bigint, coalesce(b.held, 0)
from occurrence o left join by_occurrence b on b.occurrence_id = o.id where o.held <> coalesce(b.held, 0)
union all
select 'places booked', o.id, o.booked, coalesce(b.booked, 0)
from occurrence o left join by_occurrence b on b.occurrence_id = o.id where o.booked <> coalesce(b.booked, 0)
union all
select 'heads', o.id, o.heads, coalesce(b.heads, 0)
from occurrence o left join by_occurrence b on b.occurrence_id = o.id where o.heads <> coalesce(b.heads, 0)
union all
select 'pool ' || p.pool, p.occurrence_id, p.used, coalesce(b.used, 0)
from occurrence_pool p left join by_pool b on b.occurrence_id = p.occurrence_id and b.pool = p.pool
where p.used <> coalesce(b.used, 0)
union all
select 'week ' || w.week_start, w.detainee_id, w.used, coalesce(b.used, 0)
from entitlement_week w
left join by_week b on b.detainee_id = w.detainee_id and b.week_start = w.week_start and b.kind = w.kind
where w.used <> coalesce(b.used, 0)
union all
select 'permit commitments', p.id, p.visits_committed, coalesce(b.committed, 0)
from permit p left join by_permit b on b.permit_id = p.id where p.visits_committed <> coalesce(b.committed, 0)
union all
select 'permit uses', p.id, p.visits_used, coalesce(b.used, 0)
from permit p left join by_permit b on b.permit_id = p.id where p.visits_used <> coalesce(b.used, 0)
union all
select 'state', v.id, 0, 1 from visit v join case_file c on c.id = v.id where c.state <> v.state or c.machine <> 'visit'
union all
select 'visit row', c.id, 0, 1 from case_file c where c.machine = 'visit' and not exists (select 1 from visit v where v.id = c.id)
union all
select 'permit in force', v.id, 0, 1
from visit v
join visit_visitor g on g.visit_id = v.id
join permit p on p.id = g.permit_id
join case_file c on c.id = p.id
where v.state = 'BOOKED' and (c.state not in ('ACTIVE', 'PENDING_SIGHT', 'REVIEW', 'EXHAUSTED')
    or p.valid_from > v.day or p.valid_to < v.day or p.establishment_id <> v.establishment_id)
limit 100`
