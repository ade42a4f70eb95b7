"""moto's server, with the one call of SageMaker that MLflow needs and moto lacks: UpdateEndpoint."""

from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse
from moto.server import main


def update_endpoint(self: SageMakerResponse) -> ActionResult:
    """Put an endpoint onto another configuration, at once: the same as to delete it and to create it anew."""
    name, backend = self._get_param("EndpointName"), self.sagemaker_backend
    tags = backend.endpoints[name].tags
    backend.delete_endpoint(name)
    return ActionResult({"EndpointArn": backend.create_endpoint(name, self._get_param("EndpointConfigName"), tags).arn})


SageMakerResponse.update_endpoint = update_endpoint
main()
