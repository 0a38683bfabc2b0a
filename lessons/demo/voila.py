"""How Voila serves the decision map: it reads this file in the folder where it starts."""

from jupyter_server.auth.identity import PasswordIdentityProvider
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from traitlets import Integer


class Room(AsyncMappingKernelManager):
    """A kernel for each page, of some 60 MB, or 600 MB once it has trained; as long as there are seats."""

    seats = Integer(40, config=True, help="Pages at once, with those that wait for somebody.")

    async def start_kernel(self, **about: object) -> str:
        if len(self) + len(self._pending_kernels) >= self.seats:
            raise HTTPError(503, reason=f"All {self.seats} seats are taken. Try again in some minutes")
        return await super().start_kernel(**about)


class Door(PasswordIdentityProvider):
    """Open to this machine alone; where others can come in, they need the token that is printed with the address."""

    def __init__(self, **about: object):
        voila = about["parent"]
        if voila.token is None and voila.ip not in ("localhost", "127.0.0.1", "::1"):
            about.pop("token", None)  # without one it makes one
        super().__init__(**about)


c = get_config()  # noqa: F821, Voila's own
c.VoilaConfiguration.multi_kernel_manager_class = Room
c.Voila.identity_provider_class = Door
# Some pages wait ready, kernel and all, so that nobody who comes alone has to.
c.VoilaConfiguration.preheat_kernel = True
c.VoilaConfiguration.default_pool_size = 3
# A page that closes ends its kernel. One that was lost (a phone asleep, no network) is ended after ten minutes.
c.Room.cull_idle_timeout = 600
c.Room.cull_interval = 60
# When all come at once, the last kernel takes long to start, and its page long to arrive: better late than empty.
c.VoilaExecutor.startup_timeout = c.VoilaExecutor.iopub_timeout = 300
