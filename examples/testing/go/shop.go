// Package shop is a small shop that leaves its work to Spooled.
package shop

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
)

const (
	workerID        = "shop"
	triesMax        = 3
	reminderSeconds = 3 * 24 * 3600
)

// API is where the shop reaches Spooled.
type API struct{ URL, Key string }

type Order struct {
	ID int `json:"id"`
}

type object = map[string]any

// CheckOut has an order charged. It may be repeated: the key makes it one job, however often it is
// sent. It says whether this call was the one that stored it.
func (api API) CheckOut(order Order) (created bool, err error) {
	body := object{
		"queue_name": "charges", "payload": order, "max_retries": 5,
		"idempotency_key": fmt.Sprintf("order-%d", order.ID),
	}
	var job struct{ Created bool }
	for range triesMax {
		if err = api.call("POST", "/jobs", body, &job); err == nil {
			return job.Created, nil
		}
	}
	return false, err
}

// SignUp reminds a customer in three days.
func (api API) SignUp(email string) error {
	return api.call("POST", "/jobs", object{
		"queue_name": "emails", "payload": object{"to": email}, "delay_seconds": reminderSeconds,
	}, nil)
}

// Work charges what is due now. It stops where it cannot tell what has become of a charge.
func (api API) Work(card func(Order) error) (taken int, err error) {
	var claimed struct {
		Jobs []struct {
			ID      string
			Payload Order
		}
	}
	claim := object{"queue_name": "charges", "worker_id": workerID, "limit": 10}
	if err := api.call("POST", "/jobs/claim", claim, &claimed); err != nil {
		return 0, err
	}
	for _, job := range claimed.Jobs {
		end, body := "complete", object{"worker_id": workerID, "result": object{"order": job.Payload.ID}}
		if declined := card(job.Payload); declined != nil {
			end, body = "fail", object{"worker_id": workerID, "error": declined.Error()}
		}
		if err := api.call("POST", "/jobs/"+job.ID+"/"+end, body, nil); err != nil {
			return taken, err
		}
		taken++
	}
	return taken, nil
}

// Shipping takes the webhooks of Spooled. A delivery may come twice; an order is shipped once.
type Shipping struct {
	Secret  string
	Shipped []int

	mutex sync.Mutex
	seen  map[string]bool
}

func (s *Shipping) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	sum := hmac.New(sha256.New, []byte(s.Secret))
	fmt.Fprintf(sum, "%s.%s", request.Header.Get("X-Spooled-Timestamp"), body)
	ours := "sha256=" + hex.EncodeToString(sum.Sum(nil))
	if !hmac.Equal([]byte(ours), []byte(request.Header.Get("X-Spooled-Signature"))) {
		answer.WriteHeader(http.StatusUnauthorized)
		return
	}
	var call struct {
		ID   string
		Data struct{ Result struct{ Order int } }
	}
	if err := json.Unmarshal(body, &call); err != nil {
		answer.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.seen[call.ID] {
		s.Shipped = append(s.Shipped, call.Data.Result.Order)
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	s.seen[call.ID] = true
}

func (api API) call(method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, api.URL+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+api.Key)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 400 {
		return fmt.Errorf("%s %s: %s %s", method, path, answer.Status, said)
	}
	if into == nil || len(said) == 0 {
		return nil
	}
	return json.Unmarshal(said, into)
}
