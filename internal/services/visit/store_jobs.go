package visit

const sqlDueHolds = `
select id from visit where state = 'HELD' and hold_expires_at <= $1 order by hold_expires_at limit 500`

const sqlTakeDueHold = `select ` + visitColumns + visitTables + ` join account a on a.id = v.account_id
where v.id = $1 and v.state = 'HELD' and v.hold_expires_at <= $2
for no key update of a, c skip locked`

const sqlDueNudges = `select ` + visitColumns + visitTables + `
where v.state = 'HELD' and v.channel = 'ussd' and v.nudged_at is null and v.hold_expires_at > $1
order by v.hold_expires_at limit 500`

const sqlNudged = `update visit set nudged_at = $2 where id = $1 and state = 'HELD' and nudged_at is null`

// The widest window of any establishment; each one's own rule decides.
const sqlDueReminders = `select ` + visitColumns + visitTables + `
where v.state = 'BOOKED' and v.day between ($1::timestamptz at time zone 'utc')::date - 1
        and ($1::timestamptz at time zone 'utc')::date + 15
    and lower(v.period) > $1 and v.id > $2
    and coalesce(v.reminded > 0, true)
    and c.created_at < $1::timestamptz - interval '12 hours'
order by v.id limit 500`

const sqlReminded = `
update visit v set reminded = r.days
from unnest($1::bigint[], $2::integer[]) as r (id, days)
where v.id = r.id and v.state = 'BOOKED' and coalesce(v.reminded > r.days, true)
returning v.id`

const sqlPast = `select ` + visitColumns + visitTables + `
where v.state in ('BOOKED', 'CHECKED_IN') and upper(v.period) < $1
order by v.id limit 500`

const sqlUnanswered = `select ` + visitColumns + visitTables + `
where v.state = 'REQUESTED' and c.due_at <= $1 order by v.id limit 500`

const sqlRequests = listedColumns + `
where v.establishment_id = $1 and v.state = 'REQUESTED' order by c.due_at, v.id limit 500`
