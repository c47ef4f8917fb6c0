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
happened to tasks in a step by more work in the same step. A stand-alone task is a process of one
node.

Two rules
---------

1. All that changes state is an event: replaying an instance's events through ``evolve`` gives its
   state, and nothing else is needed.
2. Nothing here names a dialect: refusals are codes and values, and the door finds the words.

Reading order: ``step``, ``decide``, ``processors/user_task``, ``processors/listeners``,
``lifecycle``, ``evolve``, ``draft``, then the rest as needed.
"""
