// node-smpp as an SMSC that calls: connects to the port given, says outbind,
// accepts the bind that follows on the same connection, delivers a message.
const smpp = require('smpp');
const say = o => console.log(JSON.stringify(o));
const session = smpp.connect({host: '127.0.0.1', port: +process.argv[2]}, () => {
  session.outbind({system_id: 'node', password: 'theirs'});
});
session.on('bind_receiver', p => {
  say({bind: p.system_id, password: p.password});
  session.send(p.response({system_id: 'node'}));
  session.deliver_sm({source_addr: '212600000001', destination_addr: '369', short_message: 'SUIVI'},
    r => say({answer: r.command_status}));
});
session.on('unbind', p => { session.send(p.response()); say({unbind: true}); session.close(); });
session.on('error', e => { say({error: String(e)}); process.exit(1); });
