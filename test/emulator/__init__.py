"""The emulated AWS account: moto's services under a CloudFormation engine of our own."""
