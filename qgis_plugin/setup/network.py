"""The proxy of QGIS's own settings (Settings > Options > Network)."""

from __future__ import annotations

from qgis.core import QgsApplication, QgsAuthMethodConfig, QgsSettings

from .proxy import Proxy


def qgis_proxy() -> Proxy | None:
    """The proxy that QGIS uses, with its login; None when it uses none of its own.

    To be called from the main thread: QGIS may ask for its master password.
    """
    settings = QgsSettings()
    if not settings.value("proxy/proxyEnabled", False, type=bool):
        return None
    user, password = (str(settings.value(f"proxy/{key}", "") or "") for key in ("proxyUser", "proxyPassword"))
    stored = str(settings.value("proxy/authcfg", "") or "")
    if stored:
        config = QgsAuthMethodConfig()
        QgsApplication.authManager().loadAuthenticationConfig(stored, config, True)
        user, password = config.config("username") or user, config.config("password") or password
    excluded = settings.value("proxy/noProxyUrls") or settings.value("proxy/proxyExcludedUrls") or ()
    return Proxy(
        str(settings.value("proxy/proxyType", "DefaultProxy") or "DefaultProxy"),
        str(settings.value("proxy/proxyHost", "") or ""),
        str(settings.value("proxy/proxyPort", "") or ""),
        user,
        password,
        (excluded,) if isinstance(excluded, str) else tuple(str(address) for address in excluded),
    )
