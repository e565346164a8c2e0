package contract

// What services say of their business in their log, one line for each event (docs/service-contract.md).
const (
	EventOrderPlaced     = "order_placed"
	EventCheckoutFailed  = "checkout_failed"
	EventPaymentDeclined = "payment_declined"
	EventSignInFailed    = "sign_in_failed"

	// ShopMetric counts them, and ShopDimension is the event's name.
	ShopMetric    = "Events"
	ShopDimension = "Event"
)

// ShopEvents are those that are counted.
var ShopEvents = []string{EventOrderPlaced, EventCheckoutFailed, EventPaymentDeclined, EventSignInFailed}

// ShopNamespace is where an environment's events are counted. Accounts may have several environments.
func ShopNamespace(environment string) string { return "Peakline/Shop/" + environment }
