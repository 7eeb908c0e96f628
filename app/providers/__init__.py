"""The catalogue of providers: built-in entries, and more of them or changes to them from
PROVIDERS_FILE.
"""

from app.config import Settings
from app.providers.evotor import EVOTOR
from app.providers.loading import load_catalogue as load_catalogue
from app.providers.loading import missing_variables as missing_variables
from app.providers.parts import Carrier as Carrier
from app.providers.parts import Field as Field
from app.providers.parts import Probe as Probe
from app.providers.parts import Revocation as Revocation
from app.providers.parts import Rule as Rule
from app.providers.provider import Catalogue as Catalogue
from app.providers.provider import Provider as Provider
from app.providers.quota import Quota as Quota

BUILT_IN = (EVOTOR,)


def catalogue_of(settings: Settings) -> Catalogue:
    """All known providers, as these settings have them. Raises ConfigurationError."""
    return load_catalogue(
        BUILT_IN, settings.providers_file, settings.clients, settings.allow_insecure_providers
    )
