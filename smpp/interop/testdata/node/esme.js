// node-smpp as ESME: binds to the port given, submits with parameters, answers
// what it is delivered, unbinds, and reports what it saw. Over TLS when given
// the file of an authority and the name of the server.
const fs = require('fs');
const smpp = require('smpp');
const say = o => console.log(JSON.stringify(o));
const [port, ca, servername] = process.argv.slice(2);
const tls = ca ? {tls: true, ca: fs.readFileSync(ca), servername} : {};
const session = smpp.connect({host: '127.0.0.1', port: +port, ...tls}, () => {
  session.bind_transceiver({system_id: 'node', password: 'secret', interface_version: 0x34}, b => {
    say({bind: b.command_status, system_id: b.system_id, version: b.sc_interface_version});
    session.enquire_link({}, e => say({enquire: e.command_status}));
    session.submit_sm({source_addr: '369', destination_addr: '212600000001', short_message: 'Bonjour é',
      ussd_service_op: 2, user_message_reference: 0x1234}, r => {
      say({submit: r.command_status, id: r.message_id});
    });
  });
});
session.on('deliver_sm', p => {
  session.send(p.response());
  say({deliver: p.short_message.message.toString(), esm: p.esm_class, state: p.message_state, id: p.receipted_message_id});
  session.unbind({}, r => { say({unbind: r.command_status}); session.close(); });
});
session.on('error', e => { say({error: e.code || String(e)}); process.exit(1); });
