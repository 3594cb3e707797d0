package dialog

// Meaning tells what a text asks for when nothing is open.
func (d *Dialog) Meaning(s string) string {
	r := d.parse(s)
	out := "unknown"
	switch {
	case r.known && r.word.entry != "":
		out = r.word.entry
	case r.known && (r.word.does != doesStop && r.word.does != doesStart && r.word.does != doesCancel || r.alone()):
		out = string(r.word.does)
	case r.known:
	case r.ref != "" && r.written == "":
		return "ref " + r.ref
	case r.badRef != "" && r.written == "":
		return "badref"
	case r.digits != "":
		return "digit"
	case r.guess != "":
		return "meant " + d.keywords[r.guess].shown
	}
	if out != "unknown" && r.ref != "" {
		out += " " + r.ref
	}
	return out
}
