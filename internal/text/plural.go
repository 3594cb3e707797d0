package text

// categories of Unicode CLDR plural rules.
var categories = []string{"zero", "one", "two", "few", "many", "other"}

// plural gives the form of n by CLDR's rules for whole numbers; further names
// are what stands in when the wording does not have the first. CLDR has no
// rules for Darija: it says one, two to ten in the plural, then the singular
// again, which its texts give as "other".
func plural(l Lang, n int) []string {
	switch l {
	case Arabic:
		switch h := n % 100; {
		case n == 0:
			return []string{"zero", "other"}
		case n == 1:
			return []string{"one", "other"}
		case n == 2:
			return []string{"two", "few", "other"}
		case h >= 3 && h <= 10:
			return []string{"few", "other"}
		case h >= 11:
			return []string{"many", "other"}
		}
	case French:
		if n == 0 || n == 1 {
			return []string{"one"}
		}
	case Darija:
		switch {
		case n == 1:
			return []string{"one"}
		case n == 2:
			return []string{"two", "few"}
		case n >= 3 && n <= 10:
			return []string{"few"}
		}
	case English:
		if n == 1 {
			return []string{"one"}
		}
	}
	return nil
}
