package links

const sums = `operator, sum(submitted)::int, sum(sent)::int, sum(throttled)::int, sum(temporary)::int, sum(rejected)::int,
    sum(unknown)::int, sum(delivered)::int, sum(undelivered)::int, sum(inbound)::int, sum(ussd)::int, sum(response_ms)::bigint`

const sqlTotals = `select ` + sums + ` from bind_minute where minute >= $1 group by operator limit 1000`

const sqlHours = `
select date_trunc('hour', minute, 'UTC'), ` + sums + `
from bind_minute where operator = $1 and minute >= $2 group by 1, operator order by 1 limit 1000`
