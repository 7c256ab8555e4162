package answer

import (
	"fmt"
	"time"
)

// dateLine tells a model what day it is, as answers.date says, and which time zone
// its statements run in. now is the clock's.
func dateLine(date string, now time.Time) string {
	const zone = "The time zone is UTC."
	switch date {
	case "none":
		return zone
	case "today":
		return fmt.Sprintf("Today is %s. %s", now.UTC().Format("Monday, 2006-01-02"), zone)
	}
	return fmt.Sprintf("Take %s for today, and write dates out instead of current_date and now(), which are later. %s", date, zone)
}
