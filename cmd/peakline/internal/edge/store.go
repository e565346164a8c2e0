package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"
	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore/types"

	"peakline/lambda/contract"
)

// Experiments are weights by the name of an experiment and of a variant.
type Experiments map[string]map[string]float64

// maxBytes is the most that CloudFront takes for a value.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
const maxBytes = 1024

// directory finds a store by its name, values are what is in it.
type directory interface {
	DescribeKeyValueStore(ctx context.Context, in *cloudfront.DescribeKeyValueStoreInput, options ...func(*cloudfront.Options)) (*cloudfront.DescribeKeyValueStoreOutput, error)
}

type values interface {
	DescribeKeyValueStore(ctx context.Context, in *cloudfrontkeyvaluestore.DescribeKeyValueStoreInput, options ...func(*cloudfrontkeyvaluestore.Options)) (*cloudfrontkeyvaluestore.DescribeKeyValueStoreOutput, error)
	GetKey(ctx context.Context, in *cloudfrontkeyvaluestore.GetKeyInput, options ...func(*cloudfrontkeyvaluestore.Options)) (*cloudfrontkeyvaluestore.GetKeyOutput, error)
	PutKey(ctx context.Context, in *cloudfrontkeyvaluestore.PutKeyInput, options ...func(*cloudfrontkeyvaluestore.Options)) (*cloudfrontkeyvaluestore.PutKeyOutput, error)
}

type experimentStore struct {
	values values
	arn    *string
	name   string
}

func openStore(ctx context.Context, in directory, values values, environment string) (*experimentStore, error) {
	name := contract.ExperimentStore(environment)
	found, err := in.DescribeKeyValueStore(ctx, &cloudfront.DescribeKeyValueStoreInput{Name: aws.String(name)})
	if err != nil {
		return nil, fmt.Errorf("find the key-value store %s: %w", name, err)
	}
	return &experimentStore{values: values, arn: found.KeyValueStore.ARN, name: name}, nil
}

func (s *experimentStore) read(ctx context.Context) (Experiments, error) {
	experiments := Experiments{}
	found, err := s.values.GetKey(ctx, &cloudfrontkeyvaluestore.GetKeyInput{KvsARN: s.arn, Key: aws.String(contract.ExperimentsKey)})
	var missing *types.ResourceNotFoundException
	switch {
	case errors.As(err, &missing):
		return experiments, nil
	case err != nil:
		return nil, fmt.Errorf("read the experiments in %s: %w", s.name, err)
	}
	if err := json.Unmarshal([]byte(aws.ToString(found.Value)), &experiments); err != nil {
		return nil, fmt.Errorf("read the experiments in %s: %w", s.name, err)
	}
	return experiments, nil
}

// change writes what edit makes of the experiments, unless somebody else has written in the meantime.
func (s *experimentStore) change(ctx context.Context, edit func(Experiments) error) (Experiments, error) {
	version, err := s.values.DescribeKeyValueStore(ctx, &cloudfrontkeyvaluestore.DescribeKeyValueStoreInput{KvsARN: s.arn})
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", s.name, err)
	}
	experiments, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if err := edit(experiments); err != nil {
		return nil, err
	}
	text, err := json.Marshal(experiments)
	if err != nil {
		return nil, fmt.Errorf("write the experiments: %w", err)
	}
	if len(text) > maxBytes {
		return nil, fmt.Errorf("write the experiments: %d bytes, CloudFront takes %d; remove one, or shorten the names", len(text), maxBytes)
	}
	_, err = s.values.PutKey(ctx, &cloudfrontkeyvaluestore.PutKeyInput{
		KvsARN: s.arn, Key: aws.String(contract.ExperimentsKey), Value: aws.String(string(text)), IfMatch: version.ETag,
	})
	if err != nil {
		return nil, fmt.Errorf("write the experiments in %s: %w", s.name, err)
	}
	return experiments, nil
}

// word is the name of an experiment or a variant: it stands in a header and a cookie as it is.
var word = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// check refuses weights that the function would ignore.
func check(name string, weights map[string]float64) error {
	if !word.MatchString(name) {
		return fmt.Errorf("set weights: %q is no name, want up to 40 lower-case letters, digits and hyphens, a letter first", name)
	}
	all := 0.0
	for variant, weight := range weights {
		switch {
		case !word.MatchString(variant):
			return fmt.Errorf("set weights of %s: %q is no name of a variant, want up to 40 lower-case letters, digits and hyphens, a letter first", name, variant)
		case name == contract.OriginExperiment && variant != contract.FirstOrigin && variant != contract.SecondOrigin:
			return fmt.Errorf("set weights of %s: %q is no origin, want %s or %s", name, variant, contract.FirstOrigin, contract.SecondOrigin)
		case math.IsNaN(weight) || math.IsInf(weight, 0) || weight < 0:
			return fmt.Errorf("set weights of %s: %s=%g, want 0 or more", name, variant, weight)
		}
		all += weight
	}
	if all == 0 {
		return fmt.Errorf("set weights of %s: all are 0, so that nobody takes part; to end it: %s", name, strings.Join([]string{"peakline edge remove", name}, " "))
	}
	return nil
}
