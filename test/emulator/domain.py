"""The shop's domain: the certificate and the zone that `config/environments/local.yaml` names."""

from __future__ import annotations

from moto.acm.models import acm_backends
from moto.route53.models import route53_backends

from .account import ACCOUNT_ID, Account

NAME = "shop.example.com"
ZONE = "Z00000000000000000000"
REGION = "us-east-1"
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT_ID}:certificate/00000000-0000-0000-0000-000000000000"


def install() -> None:
    """Gives the account both, under ids that a shipped file can name; AWS would make up others."""
    account = Account(REGION)
    asked = account.call(
        "acm", "request_certificate", DomainName=NAME, SubjectAlternativeNames=[f"*.{NAME}"]
    )
    certificates = acm_backends[ACCOUNT_ID][REGION]._certificates
    certificate = certificates.pop(asked["CertificateArn"])
    certificate.arn, certificate.status = CERTIFICATE, "ISSUED"
    certificates[CERTIFICATE] = certificate

    made = account.call("route53", "create_hosted_zone", Name=NAME, CallerReference="shop")
    zones = route53_backends[ACCOUNT_ID]["aws"].zones
    zone = zones.pop(made["HostedZone"]["Id"].rpartition("/")[2])
    zone.resource_id = ZONE
    zones[ZONE] = zone
