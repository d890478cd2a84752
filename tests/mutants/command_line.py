"""Mutants of the command line: the tests beside it must fail."""

from mutants.mutant import Mutant

_CARRY_ON = "gradbound/carry_on.py"
_WORKERS = "validate/training/workers.py"
_EXITS = "gradbound/exits.py"
_PLACES = "gradbound/places.py"
_OUTLOOK = "validate/study/study_outlook.py"
_WAYS_OUT = "tests/test_gradbound/test_cli_ways_out.py"
_PROCESSES = "tests/test_gradbound/test_gradbound_processes.py"

COMMAND_LINE = [
    Mutant(
        "what carries on is not quoted",
        _CARRY_ON,
        "shlex.join([*_program(), *words])",
        "' '.join([*_program(), *words])",
    ),
    Mutant(
        "what carries on begins anew", _CARRY_ON, "if words[:1] == [RESUMABLE] and", "if False and"
    ),
    Mutant("what carries on ends in no option", _CARRY_ON, '1 if "--" in words else', ""),
    Mutant("a dry run is carried on with", _CARRY_ON, '{"--resume", "--dry-run"}', '{"--resume"}'),
    Mutant("every verb carries on", _CARRY_ON, '{RESUMABLE, "reproduce"}', "{*given}"),
    Mutant(
        "a script is forgotten",
        _CARRY_ON,
        "if started := os.environ.get(STARTED_BY):",
        "if started := '':",
    ),
    Mutant(
        "a spent budget forgets what was given",
        "gradbound/verbs/validate_command.py",
        "way_on=carry_on(given)",
        "way_on=carry_on(given[:1])",
        _WAYS_OUT,
    ),
    Mutant(
        "an interrupt forgets what was given",
        "gradbound/cli.py",
        "after_interrupt(ctx.obj)",
        "after_interrupt(ctx.obj[:1])",
        _WAYS_OUT,
    ),
    Mutant(
        "SIGTERM kills",
        _EXITS,
        "signal.signal(signal.SIGTERM, signal.default_int_handler)",
        "pass",
        _PROCESSES,
    ),
    Mutant("an ignored SIGTERM is heard", _EXITS, "before != signal.SIG_DFL or", ""),
    Mutant("SIGTERM stays caught", _EXITS, "signal.signal(signal.SIGTERM, before)", "pass"),
    Mutant(
        "a worker answers SIGTERM",
        "validate/training/workers.py",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "pass",
    ),
    Mutant(
        "progress is told to terminals alone",
        "validate/progress.py",
        "return patient_lines if patient else lines",
        "return silent",
    ),
    Mutant(
        "a task is done at its first unit",
        "validate/progress.py",
        "if left[label] == 0:",
        "if True:",
    ),
    Mutant(
        "a diverged run is never done",
        "validate/training/measured_run.py",
        "for _ in range(len(history.epochs), config.epochs + 1):",
        "for _ in ():",
        "tests/test_validate/test_training/test_sweep.py",
    ),
    Mutant("a file is a folder", _PLACES, "if path.exists() and not path.is_dir():", "if False:"),
    Mutant(
        "a name without a suffix is a page", _PLACES, "or not (path.suffix or path.exists())", ""
    ),
    Mutant(
        "a file without a suffix is a folder",
        _PLACES,
        "(path.suffix or path.exists())",
        "path.suffix",
    ),
    Mutant(
        "a dry run is silent until it ends",
        "validate/training/dry_run.py",
        'tell(f"{len(found)} of {len(short)} timed: {_in_words(cost, kinds[cost.network])}")',
        "pass",
    ),
    Mutant(
        "a dry run begins the study", "gradbound/verbs/study_commands.py", "if dry:", "if False:"
    ),
    Mutant(
        "times from elsewhere come first",
        _OUTLOOK,
        "_seconds(recorded) | _seconds(study.rows)",
        "_seconds(study.rows) | _seconds(recorded)",
    ),
    Mutant("an unknown time is none", _OUTLOOK, "if _kind(trial) not in seconds", "if False"),
    Mutant("the outlook is of any protocol", _OUTLOOK, "refuse_another(study, protocol)", "pass"),
    Mutant("a worker keeps its epochs to itself", _WORKERS, "_hearers.append(words.put)", "pass"),
    Mutant("a word comes behind the result", _WORKERS, "hear(words.get())", "words.get()"),
    Mutant(
        "a child keeps its progress to itself",
        "derivations/time_limit.py",
        "hear(line.removeprefix(_MARK).rstrip())",
        "pass",
    ),
    Mutant(
        "what is printed beside a bar goes to stderr",
        "validate/progress.py",
        "redirect_stdout=False",
        "redirect_stdout=True",
    ),
    Mutant(
        "a lower bound is rounded up",
        "numeric/runs/sample_summary.py",
        '"lower": ROUND_FLOOR',
        '"lower": ROUND_CEILING',
    ),
    Mutant(
        "an enclosure is called exact",
        "numeric/operators/ritz_ends.py",
        "if self.delta else",
        "if False else",
        "tests/test_numeric/test_numeric_shown.py",
    ),
    Mutant(
        "a minus is lost on its way to the terminal",
        "derivations/book/plain_math.py",
        'return "−"',
        'return "+"',
    ),
    Mutant(
        "the bounds are left out of what is shown",
        "derivations/book/text.py",
        "for b in block.bounds",
        "for b in ()",
    ),
    Mutant(
        "a law that is missed ends with 0",
        "gradbound/verbs/law_command.py",
        "judge(found.failures)",
        "pass",
    ),
    Mutant(
        "a narrow stack is judged block by block",
        "validate/comparison/compare_depth.py",
        "return self.whole.width >= JUDGED_WIDTH",
        "return True",
        "tests/test_validate/test_comparison/test_law_checks.py",
    ),
    Mutant(
        "nothing was meant",
        "derivations/errors.py",
        "return by_lower[near[0]] if near else None",
        "return None",
    ),
    Mutant(
        "a folder that is not there is carried on with",
        "gradbound/telling.py",
        "if resume and not out.is_dir():",
        "if False:",
    ),
    Mutant(
        "what the records lack is not in the JSON",
        "gradbound/telling.py",
        "self.left_out[name] = str(outcome)",
        "pass",
    ),
    Mutant("pip tells its warnings", "validate/training/gpu_bundle.py", '"-qq"', '"-q"'),
]
