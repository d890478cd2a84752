"""Mutants of the study: its plan, its trials, its folder, its tests and its verdicts."""

from mutants.mutant import Mutant

_C24 = "validate/audit/claims/c24_training.py"
_VERDICTS = "validate/study/study_verdicts.py"
_TESTS = "validate/study/primary_effects.py"
_FOLDER = "validate/study/study_folder.py"
_TRIALS = "validate/study/trials.py"
_PERFORM = "validate/study/perform_trial.py"
_EFFECTS = "paper_figures/study/study_effects.py"
_TABLES = "paper_figures/study/study_tables.py"
_SECTION = "paper_figures/pages/study_section.py"
_COUNTED = "validate/study/counted_checks.py"
_COMMANDS = "gradbound/verbs/study_commands.py"
_ON_THE_PAGE = (
    "tests/test_paper_figures/test_report.py"
    "::test_a_study_is_on_the_page_of_records_and_counted_there"
)

STUDY = [
    Mutant("levels of one stratum share a seed", _TRIALS, "seed += 1", "seed += 0"),
    Mutant(
        "two depths of a pair have seeds of their own",
        _TRIALS,
        "pairs.first_seed + number,",
        "pairs.first_seed + number + depth,",
    ),
    Mutant(
        "the look sees the mean",
        _TRIALS,
        "stdev(first) / look.planned",
        "sum(each**2 for each in first) ** 0.5 / look.planned",
    ),
    Mutant(
        "the look takes whatever pairs are there",
        _TRIALS,
        "first = differences(protocol, early, rows)",
        "first = differences(protocol, protocol.depth.gain, rows)[: look.after]",
    ),
    Mutant(
        "shallow less deep",
        _TRIALS,
        "PERCENT * (errors[deep, seed] - errors[shallow, seed])",
        "PERCENT * (errors[shallow, seed] - errors[deep, seed])",
    ),
    Mutant(
        "a diverged trial has no error",
        _TRIALS,
        "protocol.error_of_diverged if row.test_error is None",
        "0.0 if row.test_error is None",
    ),
    Mutant(
        "any record is intact",
        "validate/study/sealed.py",
        'vars(record)["seal"] == _digest(record)',
        "True",
    ),
    Mutant(
        "the flow is not varied",
        _PERFORM,
        "vary_flow(network, skip=trial.skip, branch=trial.branch)",
        "vary_flow(network, skip=1.0, branch=1.0)",
    ),
    Mutant(
        "the flow before training is that after it",
        _PERFORM,
        "(before,) if scores is None else (before, _batch_ratio(training))",
        "(before,) if scores is None else (_batch_ratio(training),) * 2",
    ),
    Mutant(
        "a diverged training goes on",
        _PERFORM,
        "scores = _scores(protocol, training, used) if finite else None",
        "scores = {'train_loss': 0.0, 'train_error': 0.0, 'test_error': 0.0}",
    ),
    Mutant(
        "the skip is not scaled",
        "validate/networks/varied_flow.py",
        "return self.scale * self.shortcut(x)",
        "return self.shortcut(x)",
    ),
    Mutant(
        "every BatchNorm starts at the scale",
        "validate/networks/varied_flow.py",
        "last = block.branch[-1]",
        "last = block.branch[1]",
    ),
    Mutant(
        "a folder is carried on with under any protocol",
        _FOLDER,
        "refuse_another(read_study(out), protocol)",
        "pass",
    ),
    Mutant(
        "records of another protocol pass",
        _FOLDER,
        "if row.protocol != protocol.digest:",
        "if False:",
    ),
    Mutant(
        "altered records pass",
        _FOLDER,
        'if not is_intact(row): raise InputError(f"{where} was altered',
        'if False: raise InputError(f"{where} was altered',
    ),
    Mutant(
        "altered ratios of fresh networks pass",
        _FOLDER,
        'if not is_intact(row): raise InputError(f"{path}',
        'if False: raise InputError(f"{path}',
    ),
    Mutant("a trial may be there twice", _FOLDER, "if row.trial in seen:", "if False:"),
    Mutant("a trial need not be planned", _FOLDER, "if row.trial not in known:", "if False:"),
    Mutant(
        "every mean is inside its band",
        "validate/study/initial_rows.py",
        "abs(self.mean - self.predicted) <= self.half_width",
        "True",
    ),
    Mutant(
        "a band that was changed is not told",
        "validate/study/initial_rows.py",
        "(self.network, self.slope, self.predicted, self.half_width) not in {",
        "(self.network,) in {",
    ),
    Mutant(
        "seeds of exploration confirm",
        "validate/study/initial_rows.py",
        "range(FIRST_FRESH, FIRST_FRESH + 10)",
        "range(10)",
    ),
    Mutant(
        "seeds are the unit",
        _TESTS,
        "if (found := rows.get((network, level.name)))",
        "if (found := rows.get((network, level.name), [])[:1])",
    ),
    Mutant(
        "a signal that does not arrive ranks highest",
        _TESTS,
        "if ratio else -math.inf",
        "if ratio else math.inf",
    ),
    Mutant(
        "gain is tested two-sided for plain networks",
        _TESTS,
        "return max(self.gain.below, self.gate.above)",
        "return self.gain.below",
    ),
    Mutant(
        "no gain needs one side only",
        _TESTS,
        "within = max(",
        "within = min(",
    ),
    Mutant(
        "a test is made before the last trial",
        _TESTS,
        'if missing else ""',
        'if False else ""',
    ),
    Mutant(
        "p-values are not adjusted",
        _VERDICTS,
        "holm([1.0 if p is None else p for p in (p_flow, p_depth)])",
        "[1.0 if p is None else p for p in (p_flow, p_depth)]",
    ),
    Mutant(
        "a test to come counts as passed",
        _VERDICTS,
        "[1.0 if p is None else p for p in",
        "[0.0 if p is None else p for p in",
    ),
    Mutant(
        "more flow with more error confirms",
        _VERDICTS,
        '"confirmed" if test.found.value < 0 else "refuted"',
        '"confirmed" if test.found.value > 0 else "refuted"',
    ),
    Mutant(
        "what is refuted is open",
        _VERDICTS,
        '{"confirmed": True, "refuted": False}.get(self.outcome)',
        '{"confirmed": True}.get(self.outcome)',
        "tests/test_validate/test_audit/test_claims/test_c24_training.py",
    ),
    Mutant(
        "no gain is concluded at twice the level",
        _VERDICTS,
        "if each <= level / 2:",
        "if each <= 2 * level:",
    ),
    Mutant(
        "a gain too small to matter confirms",
        _VERDICTS,
        "if gain.within <= level / 2:",
        "if False:",
    ),
    Mutant(
        "an unfinished study judges C24",
        _C24,
        "data=False), way_out=COMMAND)",
        ")" + ", way_out=COMMAND)",
    ),
    Mutant(
        "C24 is judged by flow",
        _C24,
        "if claim == study.protocol.depth.claim",
        "if claim == study.protocol.flow.claim",
    ),
    Mutant(
        "a changed protocol is not told",
        _C24,
        "study.protocol != read_protocol(),",
        "False,",
    ),
    Mutant(
        "the given study is not looked at",
        "validate/audit/adjudicate.py",
        "if folder is not None and is_study(folder):",
        "if False:",
        "tests/test_validate/test_audit/test_claims/test_c24_training.py",
    ),
    Mutant(
        "a level's bar is its mean",
        _EFFECTS,
        "return min(errors), max(errors)",
        "return (PERCENT * point.error,) * 2",
    ),
    Mutant(
        "levels are joined as the protocol lists them",
        _EFFECTS,
        "key=lambda point: point.flow\n",
        "key=lambda point: 0\n",
    ),
    Mutant(
        "every level is marked as not varied",
        _EFFECTS,
        "if point.level == UNVARIED.name:",
        "if point.level:",
    ),
    Mutant(
        "a lost signal is drawn as the least",
        _EFFECTS,
        "lost = 10 ** min(finite, default=0.0) * LOST_BY",
        "lost = 10 ** min(finite, default=0.0)",
    ),
    Mutant(
        "the mean is drawn before the test is made",
        _EFFECTS,
        "if isinstance(test, DepthTest):",
        "if isinstance(test, DepthTest) or (test := __import__('types').SimpleNamespace("
        "gain=DepthEffect('residual', (), 0, 0, 0, 1, 1, 1), "
        "gate=DepthEffect('plain', (), 0, 0, 0, 1, 1, 1))):",
    ),
    Mutant(
        "what has no pair is a study with nothing",
        _EFFECTS,
        "if not points and not any(found.values()):",
        "if not points or not any(found.values()):",
    ),
    Mutant("the margin is a point", _EFFECTS, "-part.margin, part.margin, color", "-1, 1, color"),
    Mutant(
        "pairs that the deviation asks for are not shown",
        _TESTS,
        'return part.gain.model_copy(update={"pairs": asked}), part.gate',
        "return part.gain, part.gate",
        "tests/test_paper_figures/test_study/test_study_effects.py",
    ),
    Mutant(
        "a table of the study gives the p of the claim",
        _TABLES,
        "unit, trials, verdict.p,\n        verdict.adjusted",
        "unit, trials, verdict.adjusted,\n        verdict.adjusted",
    ),
    Mutant(
        "an interval of no width is printed",
        _TABLES,
        "ends = test.found.interval or (None, None)",
        "ends = (test.found.low, test.found.high)",
    ),
    Mutant(
        "the plain effect has the p of a gain",
        _TABLES,
        "test.gate.above",
        "test.gate.below",
    ),
    Mutant(
        "a stratum without an order is not a number",
        _TABLES,
        "None if math.isnan(rho) else rho",
        "rho",
    ),
    Mutant(
        "a band that was changed is not told",
        _TABLES,
        '"the band has been changed since" if row.amended else ""',
        '""',
    ),
    Mutant(
        "every network had left its band",
        "validate/study/initial_rows.py",
        "and not band.works",
        "",
        "tests/test_paper_figures/test_study/test_study_tables.py",
    ),
    Mutant(
        "a partial study is not told from a whole one",
        "paper_figures/study/study_plates.py",
        "        if count\n",
        "        if not count\n",
    ),
    Mutant(
        "a changed protocol goes unsaid",
        _SECTION,
        "changed_lines(protocol, read_protocol())",
        "()",
    ),
    Mutant(
        "trials that are missing are not counted",
        _SECTION,
        "return there, there + sum(trial.claim == claim for trial in study.missing)",
        "return there, there",
    ),
    Mutant(
        "the study takes as long as its longest trial",
        _SECTION,
        "_time(sum(row.seconds for row in study.rows))",
        "_time(max((row.seconds for row in study.rows), default=0))",
    ),
    Mutant(
        "a refuted claim is counted as none",
        _COUNTED,
        'int(verdict.outcome == "refuted")',
        'int(verdict.outcome == "undecided")',
    ),
    Mutant(
        "a claim counts before it is judged",
        _COUNTED,
        "if not isinstance(test, str):",
        "if test:",
    ),
    Mutant(
        "ratios inside are counted as outside",
        _COUNTED,
        "sum(not row.inside for row in study.initial)",
        "sum(row.inside for row in study.initial)",
    ),
    Mutant(
        "a page of records shows no study",
        "paper_figures/report.py",
        "section = study_section(more.study) if more.study else None",
        "section = None",
        _ON_THE_PAGE,
    ),
    Mutant(
        "what a study counts is counted elsewhere still",
        "paper_figures/report.py",
        "else counted.get(check.name)",
        "else None",
        _ON_THE_PAGE,
    ),
    Mutant(
        "names of a study are not heeded",
        "paper_figures/gallery.py",
        "for name in STUDY_PLATES:\n        if names is not None and name not in names:",
        "for name in STUDY_PLATES:\n        if names == []:",
    ),
    Mutant(
        "the recorded study stands beside any folder",
        _COMMANDS,
        "if recorded and is_study(RECORDED_STUDY) else None",
        "if is_study(RECORDED_STUDY) else None",
    ),
    Mutant(
        "the recorded runs have no study",
        _COMMANDS,
        "return read_study(RECORDED_STUDY) if",
        "return None if",
    ),
    Mutant(
        "a study in the default folder is passed over",
        "gradbound/verbs/options.py",
        "or is_study(DEFAULT_RESULTS)",
        "",
        "tests/test_gradbound/test_verbs/test_study_commands.py",
    ),
    Mutant(
        "what was asked for is drawn before it is known to be there",
        "gradbound/verbs/drawing_commands.py",
        "if of_study and study is None:",
        "if of_study and study is None and not of_results:",
        "tests/test_gradbound/test_verbs/test_study_commands.py",
    ),
    Mutant(
        "what was not measured ranks lowest",
        "validate/study/primary_effects.py",
        "if row.batch_ratios[0] is None]",
        "if False]",
    ),
    Mutant(
        "each lever's levels are the other's",
        "validate/study/primary_effects.py",
        'other = "branch" if lever == "skip" else "skip"',
        "other = lever",
    ),
    Mutant(
        "parameters may differ",
        "validate/study/study_folder.py",
        "if len(parameters) > len({network for network, _ in parameters}):",
        "if False:",
    ),
    Mutant(
        "a record needs no scores",
        "validate/study/trials.py",
        "if scores != {diverged} or",
        "if",
        "tests/test_validate/test_study/test_study_folder.py",
    ),
    Mutant(
        "bands that were not measured are not told",
        "validate/study/counted_checks.py",
        "if missing:",
        "if False:",
    ),
    Mutant(
        "calibrating draws random numbers",
        "validate/analysis/analyze.py",
        "generators.put_back()",
        "pass",
    ),
]
