// node-smpp as SMSC: accepts two messages, sends a receipt and a USSD begin
// after the first, throttles every message to 0000, and reports what it saw.
// Over TLS when given the files of a key and a certificate.
const fs = require('fs');
const smpp = require('smpp');
const say = o => console.log(JSON.stringify(o));
const [key, cert] = process.argv.slice(2).map(f => fs.readFileSync(f));
const server = smpp.createServer(key ? {key, cert} : {}, session => {
  session.on('bind_transceiver', p => {
    session.send(p.response({system_id: 'node'}));
    say({bind: p.system_id, password: p.password, version: p.interface_version});
  });
  session.on('enquire_link', p => session.send(p.response()));
  session.on('unbind', p => { session.send(p.response()); say({unbind: true}); session.close(); });
  session.on('submit_sm', p => {
    if (p.destination_addr === '0000') {
      session.send(p.response({command_status: smpp.ESME_RTHROTTLED}));
      return;
    }
    session.send(p.response({message_id: 'A1'}));
    const text = p.short_message.message !== undefined ? p.short_message.message : p.short_message;
    say({submit: p.destination_addr, text: text.toString(), dcs: p.data_coding, op: p.ussd_service_op,
         session: p.its_session_info && Buffer.from(p.its_session_info).toString('hex'),
         reference: p.user_message_reference});
    session.deliver_sm({esm_class: 4, source_addr: p.destination_addr, destination_addr: p.source_addr,
      short_message: 'id:A1 stat:DELIVRD err:000', receipted_message_id: 'A1', message_state: 2},
      r => say({receipt_answer: r.command_status}));
    session.deliver_sm({service_type: 'USSD', source_addr: '212600000001', destination_addr: '369',
      short_message: '*369#', ussd_service_op: 1, its_session_info: Buffer.from([0x12, 0])},
      r => say({ussd_answer: r.command_status}));
  });
  session.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => say({port: server.address().port}));
