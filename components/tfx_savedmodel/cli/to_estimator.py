"""`to-estimator`: make a Keras model an Estimator's SavedModel."""

from __future__ import annotations

import click

from tfx_savedmodel.cli import exit_codes
from tfx_savedmodel.cli.output import quiet_stdout
from tfx_savedmodel.errors import UsageError


@click.command("to-estimator")
@click.argument("model", metavar="MODEL")
@click.argument("destination", metavar="DEST")
@click.option(
    "--receiver", default="both", show_default=True, metavar="R", help="both, raw, parsing, or module:NAME of --module."
)
@click.option("--transform-graph", metavar="DIR", help="The Transform graph that examples go through.")
@click.option("--schema", metavar="FILE", help="How examples are parsed, where there is no Transform graph.")
@click.option("--feature-spec", metavar="FILE.json", help="How examples are parsed, in the place of the others.")
@click.option("--examples", metavar="GLOB", multiple=True, help="TFRecords of tf.Example that both must agree on.")
@click.option("--module", metavar="FILE.py", help="A file with the model's own classes, and the receiver.")
@click.option("--allow", metavar="NAME", multiple=True, help="A custom class or function that may be loaded.")
@click.option("--outputs", metavar="FILE.json", help="Predict, classify and regress signatures, by key.")
@click.option("--serving-default", metavar="KEY", help="The one of --outputs that is serving_default too.")
@click.option("--assets-extra", multiple=True, metavar="NAME=FILE", help="A file to lie in assets.extra.")
@click.option("--checkpoint", metavar="DIR", help="Where to write the Estimator's checkpoint too.")
@click.option("--checkpoint-format", default="object", show_default=True, metavar="F", help="object or saver.")
@click.option("--tolerance", type=float, default=1e-6, show_default=True, help="The largest relative difference.")
@click.option("--no-compare", is_flag=True, help="Do not compare the result with the Keras model.")
@click.option("--target", metavar="VERSION", help="The oldest TensorFlow that is to load it: tf-1.15 or tf-2.7.")
@click.option("--overwrite", is_flag=True, help="Replace the SavedModel at DEST, and the model_dir at --checkpoint.")
def command(
    model: str,
    destination: str,
    receiver: str,
    transform_graph: str | None,
    schema: str | None,
    feature_spec: str | None,
    examples: tuple[str, ...],
    module: str | None,
    allow: tuple[str, ...],
    outputs: str | None,
    serving_default: str | None,
    assets_extra: tuple[str, ...],
    checkpoint: str | None,
    checkpoint_format: str,
    tolerance: float,
    no_compare: bool,
    target: str | None,
    overwrite: bool,
) -> int:
    """Write the Keras model at MODEL to DEST as an Estimator exports one.

    MODEL is a Keras SavedModel, an H5 or .keras file, or a TFX Model artifact's directory. DEST is there whole
    afterwards, or not at all; exit code 1 says that the result answers otherwise than the Keras model.
    """
    with quiet_stdout():
        from tfx_savedmodel.operations.convert import convert

        result = convert(
            model,
            destination,
            receiver=receiver,
            transform_graph=transform_graph,
            schema=schema,
            feature_spec=feature_spec,
            examples=examples,
            module_file=module,
            allow=allow,
            outputs=outputs,
            serving_default=serving_default,
            assets_extra=dict(_named(text) for text in assets_extra),
            checkpoint=checkpoint,
            checkpoint_format=checkpoint_format,
            tolerance=tolerance,
            compare=not no_compare,
            target=target,
            overwrite=overwrite,
        )
    click.echo(f"{result.path}: {', '.join(result.signatures)} (way {result.way})")
    parity = result.parity
    if parity["examples"]:
        compared = f"{parity['examples']} {parity['source']} examples compared"
        click.echo(f"{compared}, largest relative difference {parity['max_relative_difference']:g}")
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    return exit_codes.FINE


def _named(text: str) -> tuple[str, str]:
    name, equals, file = text.partition("=")
    if not name or not equals or not file:
        raise UsageError("not NAME=FILE", where="--assets-extra", found=text, wanted="such as notes.txt=../notes.txt")
    return name, file
