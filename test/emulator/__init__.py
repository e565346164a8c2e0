"""The emulated AWS account: moto's services under a CloudFormation engine of our own."""

import os

# Profiles, regions and endpoints of whoever starts this process must not reach the calls in here,
# and boto3 and moto look at them as soon as they are imported.
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
# Roles may hold AWS's own policies.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
