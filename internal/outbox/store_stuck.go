package outbox

const sqlLongInDoubt = `select operator, count(*) from message_part where state = 'in_doubt' and sent_at < $1 group by operator`

const sqlLongParked = `select count(*) from receipt where received_at < $1`
