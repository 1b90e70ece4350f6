package sandbox

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// tier is one step of the fee strategy: the fee in percent from a 30-day volume
// in USD on. Maker and taker pay alike, as the exchange's answers know one fee.
type tier struct {
	Fee    string `json:"fee"`
	Volume int64  `json:"volume"`
}

// tiers has the lowest volume first. The steps are far apart, so that a test
// bot computes with one fee from its first order to its last.
var tiers = []tier{{"0.25", 0}, {"0.20", 1_000_000}, {"0.15", 10_000_000}, {"0.10", 100_000_000}}

// volumePeriod is how far back volume counts.
const volumePeriod = 30 * 24 * time.Hour

// volumeOf is what a client traded in the period, in USD.
func (x *Exchange) volumeOf(c *client) decimal.Decimal {
	sum := decimal.Zero
	for _, t := range slices.Backward(c.volume) {
		if x.at.Sub(t.at) > volumePeriod {
			break
		}
		sum = sum.Add(t.usd)
	}
	return sum
}

// feeRate is the fee in percent of an order that the client places now.
func (x *Exchange) feeRate(c *client) decimal.Decimal {
	volume, fee := x.volumeOf(c), tiers[0].Fee
	for _, t := range tiers {
		if volume.GreaterThanOrEqual(decimal.New(t.Volume, 0)) {
			fee = t.Fee
		}
	}
	return decimal.RequireFromString(fee)
}

// percent is a fee in percent, as text: "0.25" is a quarter of a percent.
type percent struct {
	Percent string `json:"percent"`
}

// currentFee: get_my_current_fee, and get_my_fee as its older name.
func (x *Exchange) currentFee(c *call) (any, error) {
	markets, err := x.asked(c)
	if err != nil {
		return nil, err
	}
	fees := make(map[string]percent, len(markets))
	for _, m := range markets {
		fees[m.pair.name()] = percent{x.feeRate(c.client).String()}
	}
	return struct {
		TradingFee map[string]percent `json:"tradingFee"`
	}{fees}, nil
}

// feeStrategy answers get_fee_strategy. perTier and perWeekend are optional on
// the wire and left out, because the sandbox has neither.
type feeStrategy struct {
	StrategyConfig struct {
		Default []tier `json:"default"`
	} `json:"strategyConfig"`
}

// feeStrategy: get_fee_strategy. The sandbox has the same fees for all pairs
// and all days.
func (x *Exchange) feeStrategy(*call) (any, error) {
	var answer feeStrategy
	answer.StrategyConfig.Default = slices.Clone(tiers)
	return answer, nil
}

// volume: get_my_volume.
func (x *Exchange) volume(c *call) (any, error) {
	return struct {
		Period   string `json:"period"`
		Volume   string `json:"volume"`
		Currency string `json:"currency"`
	}{"30d", x.volumeOf(c.client).StringFixed(2), "USD"}, nil
}
