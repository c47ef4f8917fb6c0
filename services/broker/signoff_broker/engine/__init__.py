"""The engine: everything that can change a task, and nothing about who asked or how.

Theory of operation
===================

A *step* is one command, one worker's result or one due timer, applied to the world as it is::

    Entry ──▶ known? ──▶ decide ──▶ Draft.emit ──▶ outbound ──▶ Step
                           │           │   ▲
                        refuse      evolve ┘

``decide`` looks at state and refuses, or emits events. ``Draft.emit`` records an event and applies
it at once through ``evolve``, so that later lines of a decision see its effect. ``outbound`` makes
messages of what was decided. ``step`` puts the three together and takes the result over into the
``World`` as a whole; if anything raises before, the world is as it was. A raise is a bug: whatever
people or workers can do wrong is a ``Rejection``, a value.

There is no I/O, no clock and no randomness. Time, the step's position and the last key come in as
arguments, so that the same records give the same events, on any machine, again.

Transitions
-----------

A change of a task takes effect in two parts. The first event (``TaskUpdating`` …) pins what is
asked for and which listeners decide, in order. Then ``listeners.continue_transition`` creates the
next listener's job or, when all have agreed, emits the final event (``TaskUpdated`` …). In between
the task refuses every other command but a cancellation. A listener may correct what is asked for,
or deny it. Which command leads where is the table in ``lifecycle``.

The caller is *held* meanwhile: the transition keeps its command's id and waiters, and the step that
ends it, whichever that is, carries the held command's outcome beside its own.

Tasks and processes
-------------------

The task engine (``user_task``, ``listeners``, ``answers``, ``job``) knows one task, one job and one
incident. Where the token goes is the process engine's affair: ``process.follow`` reacts to what
happened to tasks in a step by more work in the same step, and ``tokens`` moves on. A stand-alone
task is a process of one node.

A graph either has scopes, or a *frame*: then a node sees nothing but its inputs, which
``templates`` make of what the instance knows, and leaves its result under its id (``frames``).
Every visit is kept, what cannot go on ends the instance, and rules say how often and how long a
node is tried.

Shared work
-----------

Where one assignee is not enough, a task has a *policy* (a chain of assignments, each for some
minutes) and *work*: whose turn it is, who has claimed it. Its commands (``work``, ``work_output``)
are the transitions of ``lifecycle`` in other words, so that listeners see them as what they are:
taking is a claim; releasing, skipping, reassigning and an assignment's end are assignments; saving
is an update. Work, policy and log lines ride on the transition and take effect, corrected by the
listeners, with its final event (``work_effect``); a denial leaves all as it was, and a denied end
of an assignment leaves it without one. The attribute ``assignee`` is always what ``work_states``
shows of the work. A task without work is as if its chain named its assignee; a plain claim makes
work, and a plain assignment replaces the chain.

Two rules
---------

1. All that changes state is an event: replaying an instance's events through ``evolve`` gives its
   state, and nothing else is needed.
2. Nothing here names a dialect: refusals are codes and values, and the door finds the words.

Reading order: ``step``, ``decide``, ``processors/user_task``, ``processors/listeners``,
``lifecycle``, ``evolve``, ``draft``, then the rest as needed.
"""
