using System.Collections.Concurrent;
using System.Threading.Channels;
using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Host.Control;

/// <summary>
/// Brings the world to the desired state and keeps it there: plans, carries out the steps one at a time, tries again with back-off what did not work, and
/// plans anew when something appears. One loop does all of it; callers only leave messages. It reports a fact when an item's state turns out other than
/// what was last said of it.
/// </summary>
public sealed class Reconciler : IAsyncDisposable
{
    private const string BeingApplied = "being applied";

    private readonly IReadOnlyDictionary<string, IDescriptor> _descriptors;
    private readonly TimeProvider _clock;
    private readonly ReconcilerOptions _options;
    private readonly IReconcilerPhases? _phases;
    private readonly Action<GatewayEvent> _report;
    private readonly Channel<Message> _messages = Channel.CreateUnbounded<Message>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ConcurrentDictionary<ItemKey, ItemStatus> _statuses = [];
    private readonly Dictionary<ItemKey, Retry> _retries = [];
    private readonly HashSet<ItemKey> _dirty = [];
    private readonly HashSet<ItemKey> _saidPending = [];
    private readonly HashSet<ItemKey> _reported = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _timer;
    private Task _loop = Task.CompletedTask;
    private RunningConfiguration _desired = RunningConfiguration.Empty;
    private volatile AppliedState _applied = AppliedState.Empty;

    /// <param name="report">Takes the facts about items; called from the loop, must be quick and not throw.</param>
    public Reconciler(IEnumerable<IDescriptor> descriptors, TimeProvider clock, Action<GatewayEvent> report, ReconcilerOptions? options = null, IReconcilerPhases? phases = null)
    {
        _descriptors = descriptors.ToDictionary(d => d.Kind);
        (_clock, _report, _options, _phases) = (clock, report, options ?? new ReconcilerOptions(), phases);
        _timer = clock.CreateTimer(_ => _messages.Writer.TryWrite(new Message.Tick()), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>What is programmed now.</summary>
    public AppliedState Applied => _applied;

    /// <summary>Every item that is desired, or still to be removed.</summary>
    public IReadOnlyCollection<ItemStatus> Statuses => [.. _statuses.Values.OrderBy(s => s.Key, ItemOrder.Instance)];

    public ItemStatus? StatusOf(ItemKey key) => _statuses.GetValueOrDefault(key);

    /// <summary>Begins with the configuration as it was replayed; the task completes after the first pass over all items.</summary>
    /// <param name="saidPending">Items of which the journal's last word is that they are pending.</param>
    public Task StartAsync(RunningConfiguration configuration, IEnumerable<ItemKey> saidPending)
    {
        _saidPending.UnionWith(saidPending);
        var begun = Leave(new Message.Desire(configuration, [.. configuration.Keys]));
        _loop = Task.Run(LoopAsync);
        return begun;
    }

    /// <summary>
    /// Takes a new desired state, and gives the state of its changed items after the first attempt, or after <see cref="ReconcilerOptions.OutcomePatience"/>.
    /// Calls come in the order of revisions.
    /// </summary>
    public async Task<IReadOnlyList<ItemOutcome>> ApplyAsync(RunningConfiguration desired, IReadOnlyList<ItemKey> changed)
    {
        var message = new Message.Desire(desired, changed);
        var done = Leave(message);
        try
        {
            await done.WaitAsync(_options.OutcomePatience, _clock).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // From here on the caller has been told "pending"; the loop reports what comes of it. When it was quicker after all, its word counts.
            if (message.GiveUp()) return [.. changed.Select(k => new ItemOutcome(k.ToString(), ItemState.Pending, BeingApplied))];
        }

        return await done.ConfigureAwait(false);
    }

    /// <summary>Something appeared that items may wait for (a device came up, a secret is there): everything that waits is tried at once.</summary>
    public void Poke(string reason) => _messages.Writer.TryWrite(new Message.Poke(reason));

    /// <summary>The steps that would lead from the present state to <paramref name="desired"/>; does nothing.</summary>
    public Plan Simulate(RunningConfiguration desired) => Planner.Plan(desired, _applied, _descriptors);

    /// <summary>The steps that would lead from <paramref name="before"/>, as if all of it were in force, to <paramref name="desired"/>; does nothing.</summary>
    public Plan Simulate(RunningConfiguration desired, RunningConfiguration before)
    {
        var applied = AppliedState.Empty;
        foreach (var item in before.Values)
            applied = applied.With(new AppliedItem(item, _descriptors.TryGetValue(item.Key.Kind, out var d) ? d.Dependencies(item, before).Distinct().Order(ItemOrder.Instance).ToValueList() : []));
        return Planner.Plan(desired, applied, _descriptors);
    }

    public async ValueTask DisposeAsync()
    {
        _messages.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private Task<IReadOnlyList<ItemOutcome>> Leave(Message.Desire message)
    {
        if (!_messages.Writer.TryWrite(message)) message.Done.TrySetResult([.. message.Changed.Select(k => new ItemOutcome(k.ToString(), ItemState.Pending, "the gateway to start again"))]);
        return message.Done.Task;
    }

    private async Task LoopAsync()
    {
        var waiting = new List<Message.Desire>();
        try
        {
            while (await _messages.Reader.WaitToReadAsync(_stop.Token).ConfigureAwait(false))
            {
                waiting.Clear();
                while (_messages.Reader.TryRead(out var message)) Take(message, waiting);
                try
                {
                    await PassAsync().ConfigureAwait(false);
                }
                catch (Exception bug) when (bug is not OperationCanceledException)
                {
                    // Planning itself failed (a descriptor's answer about its dependencies, say): what was not reached stays to be done.
                    Stumble(waiting, bug);
                }

                foreach (var desire in waiting) Answer(desire);
                SetTimer();
            }
        }
        catch (OperationCanceledException)
        {
            // The gateway stops.
        }

        while (_messages.Reader.TryRead(out var message))
            if (message is Message.Desire late) waiting.Add(late);
        foreach (var desire in waiting) desire.Done.TrySetResult([.. desire.Changed.Select(k => new ItemOutcome(k.ToString(), ItemState.Pending, "the gateway to start again"))]);
    }

    private void Take(Message message, List<Message.Desire> waiting)
    {
        switch (message)
        {
            case Message.Desire desire:
                if (desire.Configuration.Revision >= _desired.Revision) _desired = desire.Configuration;
                foreach (var key in desire.Changed)
                {
                    _dirty.Add(key);
                    // What was tried with the old spec says nothing about the new one.
                    _retries.Remove(key);
                    Note(key, desire.Configuration.Revision, ItemState.Pending, BeingApplied);
                }

                waiting.Add(desire);
                break;
            case Message.Poke:
                _retries.Clear();
                break;
        }
    }

    /// <summary>Plans for everything that changed or waits, and carries it out.</summary>
    private async Task PassAsync()
    {
        _reported.Clear();
        _phases?.BeforePass(_desired);
        var now = _clock.GetUtcNow();
        string? Held(ItemKey key) => _retries.TryGetValue(key, out var retry) && retry.Next > now ? retry.WaitsFor : null;
        // What was tried, is not there at all, and is not to be tried yet is as it was: with many that wait, a change costs its own size.
        bool Rests(ItemKey key) => !_applied.TryGet(key, out _) && _applied.DependentsOf(key).Count == 0 && _desired.ContainsKey(key) && Held(key) is not null;
        var open = _dirty.Where(k => !Rests(k)).ToList();
        var plan = Planner.Plan(_desired, _applied, _descriptors, open, Held);
        var scope = open.Concat(plan.Steps.Select(s => s.Key)).Concat(plan.Waiting.Select(w => w.Key)).ToHashSet();
        var failed = new Dictionary<ItemKey, string>();
        foreach (var waiting in plan.Waiting) failed[waiting.Key] = waiting.WaitsFor;
        for (var (from, to) = (0, 0); from < plan.Steps.Count; from = to)
        {
            while (to < plan.Steps.Count && plan.Steps[to].Key.Kind == plan.Steps[from].Key.Kind) to++;
            var together = to - from > 1 ? _descriptors[plan.Steps[from].Key.Kind] as IGatheringDescriptor : null;
            together?.Gather();
            try
            {
                for (var i = from; i < to; i++) await TryStepAsync(plan.Steps[i], failed).ConfigureAwait(false);
            }
            finally
            {
                together?.TakeEffect();
            }
        }

        // Its time came, but something else stood in the way: it goes again with that, not by the clock.
        foreach (var (key, retry) in _retries)
            if (retry.Next <= now) _retries.Remove(key);
        foreach (var key in scope) Settle(key, failed.GetValueOrDefault(key));
        _phases?.AfterPass(_desired, _applied);
    }

    private async ValueTask TryStepAsync(PlanStep step, Dictionary<ItemKey, string> failed)
    {
        _stop.Token.ThrowIfCancellationRequested();
        var why = Blocked(step, failed);
        if (why is null)
        {
            why = await CarryOutAsync(step).ConfigureAwait(false);
            if (why is null) _retries.Remove(step.Key);
            else _retries[step.Key] = Next(step.Key, why);
        }

        if (why is not null) failed[step.Key] = why;
    }

    private void Stumble(List<Message.Desire> waiting, Exception bug)
    {
        var why = $"a fault of the gateway ({bug.GetType().Name})";
        foreach (var key in waiting.SelectMany(d => d.Changed)) Settle(key, why);
        foreach (var key in _dirty) _retries[key] = Next(key, why);
    }

    /// <summary>What stands in the way of a step because a step before it failed.</summary>
    private string? Blocked(PlanStep step, Dictionary<ItemKey, string> failed)
    {
        if (step.Kind == StepKind.Delete) return _applied.DependentsOf(step.Key) is { Count: > 0 } above ? $"the removal of {above.First()}" : null;
        // Also not upon one that is there still but should have gone or changed: it would only be taken down again.
        foreach (var dependency in step.Dependencies)
            if (!_applied.IsInForce(dependency) || failed.ContainsKey(dependency)) return dependency.ToString();
        return step.Kind == StepKind.Create && _applied.IsInForce(step.Key) ? "its removal" : null;
    }

    /// <summary>Calls the descriptor; null when it is done, else what it waits for.</summary>
    private async Task<string?> CarryOutAsync(PlanStep step)
    {
        var descriptor = _descriptors[step.Key.Kind];
        StepResult result;
        using var limit = new CancellationTokenSource(_options.StepTimeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stop.Token);
        try
        {
            result = step.Kind switch
            {
                StepKind.Delete => await descriptor.DeleteAsync(step.From!, either.Token).ConfigureAwait(false),
                StepKind.Create => await descriptor.CreateAsync(step.To!, either.Token).ConfigureAwait(false),
                _ => await descriptor.UpdateAsync(step.From!, step.To!, either.Token).ConfigureAwait(false),
            };
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException)
        {
            result = new StepResult.Failed($"It took longer than {_options.StepTimeout.TotalSeconds:0} s.");
        }
        catch (Exception bug)
        {
            // A fault with one item must not keep the others from being applied.
            result = new StepResult.Failed($"{bug.GetType().Name}: {bug.Message}");
        }

        Remember(step, result);
        return result switch
        {
            StepResult.Done => null,
            StepResult.Pending pending => pending.WaitsFor,
            StepResult.Failed failed => failed.Why,
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    private void Remember(PlanStep step, StepResult result)
    {
        _applied = (step.Kind, result) switch
        {
            (StepKind.Delete, StepResult.Done) => _applied.Without(step.Key),
            (StepKind.Delete, _) => _applied,
            (_, StepResult.Done) => _applied.With(new AppliedItem(step.To!, step.Dependencies)),
            // Remains of a failed attempt must be removed when the item is no longer wanted.
            (StepKind.Create, StepResult.Failed) => _applied.With(new AppliedItem(step.To!, step.Dependencies, Whole: false)),
            _ => _applied,
        };
    }

    /// <summary>Writes down where an item stands after a pass, and reports it when that is news.</summary>
    private void Settle(ItemKey key, string? waitsFor)
    {
        var revision = _statuses.TryGetValue(key, out var before) ? before.Revision : _desired.Revision;
        var wanted = _desired.TryGetValue(key, out var item);
        var there = _applied.TryGet(key, out var applied);
        var right = wanted ? there && applied!.Whole && applied.Item.Spec.Equals(item!.Spec) : !there;
        if (right)
        {
            _dirty.Remove(key);
            _retries.Remove(key);
            if (wanted) Note(key, revision, ItemState.Applied, null);
            else _statuses.TryRemove(key, out _);
            if (_saidPending.Remove(key)) ReportSettled(key, revision);
            return;
        }

        _dirty.Add(key);
        var why = waitsFor ?? (_retries.TryGetValue(key, out var retry) ? retry.WaitsFor : BeingApplied);
        Note(key, revision, ItemState.Pending, why);
        // Said once; the reason may change with every attempt and is for show.
        if (_saidPending.Add(key)) _report(new ItemPending(key, revision, why));
    }

    private void Answer(Message.Desire desire)
    {
        var outcomes = new List<ItemOutcome>(desire.Changed.Count);
        foreach (var key in desire.Changed)
        {
            var state = _statuses.TryGetValue(key, out var status) ? status.State : ItemState.Deleted;
            outcomes.Add(new ItemOutcome(key.ToString(), state, state == ItemState.Pending ? status!.WaitsFor : null));
        }

        if (desire.TryAnswer(outcomes)) return;
        // The caller went away with "pending": say what became of it.
        foreach (var key in desire.Changed)
        {
            if (!_saidPending.Contains(key) && !_reported.Contains(key)) ReportSettled(key, desire.Configuration.Revision);
        }
    }

    private void ReportSettled(ItemKey key, long revision)
    {
        _reported.Add(key);
        _report(_desired.ContainsKey(key) ? new ItemApplied(key, revision) : new ItemRemoved(key, revision));
    }

    private void Note(ItemKey key, long revision, ItemState state, string? waitsFor)
    {
        var attempts = state == ItemState.Pending && _retries.TryGetValue(key, out var retry) ? retry.Attempts : 0;
        var since = _statuses.TryGetValue(key, out var before) && before.State == state ? before.Since : _clock.GetUtcNow();
        // Transactions may be handed over out of order; the later revision stays.
        _statuses[key] = new ItemStatus(key, Math.Max(revision, before?.Revision ?? 0), state, waitsFor, since, attempts);
    }

    private Retry Next(ItemKey key, string why)
    {
        var attempts = (_retries.TryGetValue(key, out var before) ? before.Attempts : 0) + 1;
        var delay = _options.FirstDelay * Math.Pow(2, Math.Min(attempts - 1, 20));
        return new Retry(attempts, _clock.GetUtcNow() + (delay < _options.LongestDelay ? delay : _options.LongestDelay), why);
    }

    private void SetTimer()
    {
        if (_retries.Count == 0) return;
        var wait = _retries.Values.Min(r => r.Next) - _clock.GetUtcNow();
        _timer.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    private readonly record struct Retry(int Attempts, DateTimeOffset Next, string WaitsFor);

    private abstract record Message
    {
        public sealed record Tick : Message;

        public sealed record Poke(string Reason) : Message;

        public sealed record Desire(RunningConfiguration Configuration, IReadOnlyList<ItemKey> Changed) : Message
        {
            private int _settled;

            public TaskCompletionSource<IReadOnlyList<ItemOutcome>> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

            /// <summary>The caller stops waiting; false when the answer is there already.</summary>
            public bool GiveUp() => Interlocked.Exchange(ref _settled, 1) == 0;

            public bool TryAnswer(IReadOnlyList<ItemOutcome> outcomes)
            {
                if (Interlocked.Exchange(ref _settled, 1) != 0) return false;
                Done.TrySetResult(outcomes);
                return true;
            }
        }
    }
}
