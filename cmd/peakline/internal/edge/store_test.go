package edge

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"
	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore/types"
)

// fake is CloudFront with one store, whose version is the number of writes.
type fake struct {
	keys   map[string]string
	writes int
	// meanwhile is what somebody else does between a read and a write.
	meanwhile func()
}

func (f *fake) version() *string { return aws.String(strings.Repeat("v", f.writes+1)) }

type fakeDirectory struct{}

func (fakeDirectory) DescribeKeyValueStore(_ context.Context, in *cloudfront.DescribeKeyValueStoreInput, _ ...func(*cloudfront.Options)) (*cloudfront.DescribeKeyValueStoreOutput, error) {
	if aws.ToString(in.Name) != "peakline-prod" {
		return nil, &cftypes.EntityNotFound{}
	}
	return &cloudfront.DescribeKeyValueStoreOutput{KeyValueStore: &cftypes.KeyValueStore{ARN: aws.String("arn")}}, nil
}

func (f *fake) DescribeKeyValueStore(context.Context, *cloudfrontkeyvaluestore.DescribeKeyValueStoreInput, ...func(*cloudfrontkeyvaluestore.Options)) (*cloudfrontkeyvaluestore.DescribeKeyValueStoreOutput, error) {
	return &cloudfrontkeyvaluestore.DescribeKeyValueStoreOutput{ETag: f.version()}, nil
}

func (f *fake) GetKey(_ context.Context, in *cloudfrontkeyvaluestore.GetKeyInput, _ ...func(*cloudfrontkeyvaluestore.Options)) (*cloudfrontkeyvaluestore.GetKeyOutput, error) {
	value, found := f.keys[aws.ToString(in.Key)]
	if !found {
		return nil, &types.ResourceNotFoundException{}
	}
	if f.meanwhile != nil {
		f.meanwhile()
	}
	return &cloudfrontkeyvaluestore.GetKeyOutput{Value: aws.String(value)}, nil
}

func (f *fake) PutKey(_ context.Context, in *cloudfrontkeyvaluestore.PutKeyInput, _ ...func(*cloudfrontkeyvaluestore.Options)) (*cloudfrontkeyvaluestore.PutKeyOutput, error) {
	if aws.ToString(in.IfMatch) != aws.ToString(f.version()) {
		return nil, &types.ConflictException{}
	}
	f.keys[aws.ToString(in.Key)] = aws.ToString(in.Value)
	f.writes++
	return &cloudfrontkeyvaluestore.PutKeyOutput{}, nil
}

func openFake(t *testing.T, f *fake) *experimentStore {
	t.Helper()
	store, err := openStore(t.Context(), fakeDirectory{}, f, "prod")
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestWeightsAreSetShownAndRemoved(t *testing.T) {
	f := &fake{keys: map[string]string{}}
	store := openFake(t, f)
	name, weights, err := parse([]string{"checkout", "long=90", "short=10"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.change(t.Context(), func(e Experiments) error { e[name] = weights; return nil }); err != nil {
		t.Fatal(err)
	}
	if got, want := f.keys["experiments"], `{"checkout":{"long":90,"short":10}}`; got != want {
		t.Errorf("the function reads %s, want %s", got, want)
	}
	experiments, err := store.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	if err := write(&shown, experiments); err != nil || !strings.Contains(shown.String(), "checkout    short    10      10.0 %") {
		t.Errorf("an operator reads %q (%v)", shown.String(), err)
	}
	experiments, err = store.change(t.Context(), func(e Experiments) error { delete(e, "checkout"); return nil })
	if err != nil || len(experiments) != 0 || f.keys["experiments"] != "{}" {
		t.Errorf("left: %v, %q (%v)", experiments, f.keys["experiments"], err)
	}
}

func TestAWriteOfSomebodyElseIsNotOverwritten(t *testing.T) {
	f := &fake{keys: map[string]string{"experiments": "{}"}}
	store := openFake(t, f)
	f.meanwhile = func() { f.writes++ }
	if _, err := store.change(t.Context(), func(e Experiments) error { e["a"] = map[string]float64{"b": 1}; return nil }); err == nil || f.keys["experiments"] != "{}" {
		t.Errorf("wrote %s over another's (%v)", f.keys["experiments"], err)
	}
}

func TestAnEnvironmentWithoutAnEdgeIsNamed(t *testing.T) {
	if _, err := openStore(t.Context(), fakeDirectory{}, &fake{}, "office"); err == nil || !strings.Contains(err.Error(), "peakline-office") {
		t.Errorf("an operator reads %v", err)
	}
}

func TestWeightsThatCannotBeAreRefused(t *testing.T) {
	for arguments, want := range map[string]string{
		"checkout":                 "want a name and weights, for example: checkout long=90 short=10",
		"Checkout a=1":             `"Checkout" is no name, want up to 40 lower-case letters, digits and hyphens, a letter first`,
		"checkout a":               `"a" is none, want for example short=10`,
		"checkout a=much":          `"a=much" is none, want for example short=10`,
		"checkout a=-1":            "a=-1, want 0 or more",
		"checkout a=NaN":           "a=NaN, want 0 or more",
		"checkout a=Inf":           "a=+Inf, want 0 or more",
		"checkout a=0 b=0":         "all are 0, so that nobody takes part; to end it: peakline edge remove checkout",
		"checkout a=1 a=2":         "a is given twice",
		"checkout a|b=1":           `"a|b" is no name of a variant`,
		"origin first=1 legacy=20": `"legacy" is no origin, want first or second`,
	} {
		if _, _, err := parse(strings.Fields(arguments)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: an operator reads %v, want %q", arguments, err, want)
		}
	}
	f := &fake{keys: map[string]string{}}
	_, err := openFake(t, f).change(t.Context(), func(e Experiments) error {
		for _, letter := range "abcdefghijklmnopqrstuvwxyz" {
			e[strings.Repeat(string(letter), 40)] = map[string]float64{"a": 1}
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "CloudFront takes 1024") || len(f.keys) > 0 {
		t.Errorf("wrote more than CloudFront takes (%v)", err)
	}
}
