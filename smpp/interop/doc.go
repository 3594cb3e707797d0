// Package interop holds tests against independent SMPP implementations: as
// peers node-smpp, Net::SMPP and Kannel, as decoders tshark and libsmpp34.
package interop
