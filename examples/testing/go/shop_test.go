package shop

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"
)

const secret = "whsec_of_the_shop"

func TestACustomerIsRemindedAfterThreeDays(t *testing.T) {
	it := world(t, nil)
	if err := it.SignUp("ada@example.com"); err != nil {
		t.Fatal(err)
	}

	it.advance("71h")
	it.expect(object{"queue": "emails", "status": "scheduled", "count": 1})
	it.advance("1h")
	it.expect(object{"queue": "emails", "status": "pending", "payload": object{"to": "ada@example.com"}})
}

func TestADeclinedCardIsTriedForAWeekAtExactHours(t *testing.T) {
	it := world(t, nil)
	it.must("PUT", "/queues/charges/config", object{
		"backoff_base_seconds": 3600, "backoff_multiplier": 4, "backoff_max_seconds": 400_000,
	}, nil)
	checkOut(t, it, 1)

	var drained struct {
		Jobs []struct{ Attempts []struct{ At time.Time } }
	}
	outcome := object{"fail": 5, "error": "declined", "then": "complete"}
	it.must("POST", "/test/drain", object{"queue": "charges", "outcomes": []object{outcome}}, &drained)

	var hours []int
	attempts := drained.Jobs[0].Attempts
	for _, attempt := range attempts {
		hours = append(hours, int(attempt.At.Sub(attempts[0].At).Round(time.Hour).Hours()))
	}
	equal(t, hours, []int{0, 1, 5, 21, 85, 196})
}

func TestAReportIsMadeEachNightAlsoInTheOneWithoutHalfPastTwo(t *testing.T) {
	it := world(t, object{"at": "2030-03-08T12:00:00Z"})
	it.must("POST", "/schedules", object{
		"name": "nightly", "cron_expression": "30 2 * * *", "timezone": "America/New_York",
		"queue_name": "reports", "payload_template": object{},
	}, nil)

	var nights []string
	for _, each := range it.advance("3d") {
		if each.What == "schedule.triggered" {
			nights = append(nights, each.At.Format(time.RFC3339))
		}
	}

	equal(t, nights, []string{"2030-03-09T07:30:00Z", "2030-03-10T07:00:00Z", "2030-03-11T06:30:00Z"})
}

func TestAnOrderIsChargedOnceWhenItsAnswerIsLost(t *testing.T) {
	it := world(t, nil)
	it.fault("POST /api/v1/jobs", object{"drop": "after_commit"})

	created := checkOut(t, it, 7)

	equal(t, created, false) // the first try was stored, and the second one found it
	it.must("POST", "/test/drain", object{"queue": "charges"}, nil)
	it.expect(object{"queue": "charges", "status": "completed", "count": 1}, object{"queue": "charges", "count": 1})
}

func TestAnOrderIsChargedOnceWhenTheAcknowledgementIsLost(t *testing.T) {
	it := world(t, nil)
	checkOut(t, it, 8)
	it.fault("POST /api/v1/jobs/{id}/complete", object{"drop": "after_commit"})
	var charged []int
	card := func(order Order) error { charged = append(charged, order.ID); return nil }

	if _, err := it.Work(card); err == nil {
		t.Fatal("nobody noticed that the acknowledgement was lost")
	}
	it.advance("1h") // the lease would be over long ago
	taken, err := it.Work(card)

	if err != nil || taken != 0 {
		t.Fatal(taken, err)
	}
	equal(t, charged, []int{8})
}

func TestAnOrderIsShippedOnceWhenAWebhookComesTwice(t *testing.T) {
	it := world(t, nil)
	shipping := &Shipping{Secret: secret}
	receiver := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if request.Header.Get("X-Spooled-Delivery-Attempt") == "1" { // it ships, and falls over
			shipping.ServeHTTP(httptest.NewRecorder(), request)
			answer.WriteHeader(http.StatusInternalServerError)
			return
		}
		shipping.ServeHTTP(answer, request)
	}))
	defer receiver.Close()
	it.must("POST", "/outgoing-webhooks", object{
		"name": "shop", "url": receiver.URL, "events": []string{"job.completed"}, "secret": secret,
	}, nil)
	checkOut(t, it, 9)
	if _, err := it.Work(func(Order) error { return nil }); err != nil {
		t.Fatal(err)
	}

	var statuses []int
	for _, each := range it.advance("1m") {
		if each.What == "delivery" {
			statuses = append(statuses, each.StatusCode)
		}
	}

	equal(t, statuses, []int{500, 200})
	equal(t, shipping.Shipped, []int{9})
}

func checkOut(t *testing.T, it World, id int) (created bool) {
	t.Helper()
	created, err := it.CheckOut(Order{id})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func equal(t *testing.T, found, wanted any) {
	t.Helper()
	if !reflect.DeepEqual(found, wanted) {
		t.Fatalf("found %v instead of %v", found, wanted)
	}
}
