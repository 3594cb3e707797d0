package schedule

// leaseName is the one lease that all jobs of the service share.
const leaseName = "jobs"

// A lease that has run out goes to whoever asks first, with a new term.
const sqlAcquire = `
insert into job_lease (name, holder, term, until)
values ($1, $2, 1, clock_timestamp() + $3)
on conflict (name) do update
    set holder = excluded.holder, term = job_lease.term + 1, until = clock_timestamp() + $3
    where job_lease.until < clock_timestamp()
returning term`

const sqlRenew = `update job_lease set until = clock_timestamp() + $3 where name = $1 and term = $2`

// The next process need not wait for the lease to run out.
const sqlRelease = `update job_lease set until = '-infinity' where name = $1 and term = $2`

const sqlFence = `select true from job_lease where name = $1 and term = $2 for share`

// Where each job stands: the newest instant with a row, finished or not.
const sqlLast = `select coalesce(max(due_at), 'epoch') from job_run where job = $1`

// An instant that was begun and not finished: its process died, or lost the
// database before it could say.
const sqlUnfinished = `
select due_at from job_run
where job = $1 and finished_at is null
order by due_at limit 1`

// A job that was never seen is due from now on, not since 1970.
const sqlAnchor = `
insert into job_run (job, due_at, term, started_at, finished_at)
values ($1, $2, $3, $2, $2)
on conflict (job, due_at) do nothing`

const sqlClaim = `
with held as (select from job_lease where name = $1 and term = $4 for share)
insert into job_run (job, due_at, term, started_at)
select $2, $3, $4, $5 from held
on conflict (job, due_at) do update set term = excluded.term, started_at = excluded.started_at
    where job_run.finished_at is null and job_run.term <= excluded.term
returning due_at`

const sqlFinish = `
update job_run set finished_at = $4, error = nullif($5, '')
where job = $1 and due_at = $2 and term = $3 and finished_at is null`

// The newest row of a job is where catching up begins; older ones are history.
const sqlForget = `
delete from job_run r
where r.job = $1 and r.finished_at < $2
  and exists (select from job_run newer where newer.job = r.job and newer.due_at > r.due_at)`

// The key finds the newest rows of each job without a look at its history.
const sqlStandings = `
select j,
    (select due_at from job_run where job = j and finished_at is not null order by due_at desc limit 1),
    (select due_at from job_run where job = j and finished_at is not null and error is null order by due_at desc limit 1)
from unnest($1::text[]) j`
