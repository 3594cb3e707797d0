package inbox

const asideColumns = `id, operator, short_code, received_at, tries, lost, coalesce(reason, '') as reason, done_at as since`

const sqlQuarantined = `
select ` + asideColumns + ` from inbox where state = 'quarantined' order by id desc limit $1 offset $2`

const sqlSetAside = `select count(*) from inbox where state = 'quarantined'`

const sqlKnown = `select exists (select 1 from inbox where id = $1)`

// What is returned is how the text stood before.
const sqlReplay = `
with q as (select ` + asideColumns + ` from inbox where id = $1 and state = 'quarantined' and done_at = $2 for update), r as (
    update inbox set state = 'waiting', tries = 0, lost = 0, due_at = $3, done_at = null, reason = null where id = (select id from q)
)
select * from q`

const sqlLeave = `
with q as (select ` + asideColumns + ` from inbox where id = $1 and state = 'quarantined' and done_at = $2 for update), r as (
    update inbox set state = 'left', done_at = $3 where id = (select id from q)
)
select * from q`

const sqlReplayAll = `
update inbox set state = 'waiting', tries = 0, lost = 0, due_at = $2, done_at = null, reason = null where id in (
    select id from inbox where state = 'quarantined' and done_at <= $1 order by id limit $3 for update)`
