package gatewaybench

const sqlLeft = `select count(*) from message_part where state <> 'accepted'`
