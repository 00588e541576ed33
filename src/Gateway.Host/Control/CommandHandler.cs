using System.Security.Cryptography;
using System.Text.Json;
using Gateway.Host.Control.Senders;
using Gateway.Host.Journal;
using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Deciders;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Items.Rules;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;

namespace Gateway.Host.Control;

/// <summary>What the command handler works with.</summary>
public sealed record CommandHandlerParts
{
    public required JournalSequencer Sequencer { get; init; }

    /// <summary>To find commands that were decided before.</summary>
    public required IJournal Journal { get; init; }

    public required Reconciler Reconciler { get; init; }

    public required ISecretVault Vault { get; init; }

    public required IBodyDigest Digest { get; init; }

    public required ISaCommands SaCommands { get; init; }

    /// <summary>Ends flows; null: there are none.</summary>
    public ISessionCommands? Sessions { get; init; }

    public required IProposalSyntax Proposals { get; init; }

    /// <summary>Reads certificates; without one their content is not looked at.</summary>
    public ICertificateSyntax? Certificates { get; init; }

    /// <summary>UDP ports that IKE listens on.</summary>
    public IReadOnlyList<int> IkePorts { get; init; } = [500, 4500];

    public required TimeProvider Clock { get; init; }

    /// <summary>Tells what was, for commands that go back. Null: there is nothing to go back to.</summary>
    public PastConfiguration? Past { get; init; }

    /// <summary>Who may do what, and how much of it.</summary>
    public Authorization Authorization { get; init; } = Authorization.Open;
}

/// <summary>The configuration at a moment as a sender wrote it.</summary>
/// <exception cref="Api.AskedWrongException">It is no moment, or the journal does not have it.</exception>
public delegate Task<RunningConfiguration> PastConfiguration(string at, CancellationToken cancellationToken);

/// <summary>
/// The one door in: bus, HTTP and CLI all end here. Commands are decided one after the other, those of one sender in the order of their arrival and senders
/// by turns, each upon the state that the ones before it will make; the journal stores them in groups meanwhile, and no command waits for the one before it
/// to be stored. Its outcome goes out when it is stored and its items have been tried once.
/// </summary>
public sealed class CommandHandler : IAsyncDisposable
{
    private readonly CommandHandlerParts _parts;
    private readonly ValidationContext _context;
    private readonly SenderGate _gate;
    private readonly SpeculativeState _state;
    private readonly CommandMemory _memory = new();
    private readonly RejectionBudget _budget;
    private readonly FairQueue<Request> _queue = new();
    private readonly Task _loop;
    private long _decided;
    private int _open;
    private TaskCompletionSource? _drained;

    /// <param name="committed">The configuration at the journal's head.</param>
    public CommandHandler(CommandHandlerParts parts, RunningConfiguration committed)
    {
        _parts = parts;
        _context = new ValidationContext { Proposals = parts.Proposals, Certificates = parts.Certificates, Limits = CommandLimits.Default, IkePorts = parts.IkePorts };
        _gate = new SenderGate(parts.Clock);
        _state = new SpeculativeState(committed);
        _budget = new RejectionBudget(parts.Clock);
        parts.Sequencer.Rewound += OnRewound;
        _loop = Task.Run(LoopAsync);
    }

    public CommandCounters Counters { get; } = new();

    /// <summary>The configuration as far as it is stored.</summary>
    public RunningConfiguration Running => _state.Committed;

    /// <summary>Takes a command that this process made itself.</summary>
    public Task<Outcome> HandleAsync(Command command, Principal principal, CancellationToken cancellationToken) =>
        HandleAsync(CommandJson.Write(command), principal, cancellationToken);

    /// <summary>
    /// Takes one command as UTF-8 JSON. Never throws for what is in the message; cancelling stops the waiting, not the command. Calls that are made one
    /// after the other are decided in that order, without waiting for each other's outcome.
    /// </summary>
    public async Task<Outcome> HandleAsync(ReadOnlyMemory<byte> message, Principal principal, CancellationToken cancellationToken)
    {
        var standing = _parts.Authorization.Of(principal);
        var isIn = _gate.TryEnter(standing, out var pass, out var why);
        var id = "";
        try
        {
            // Also of one that has to wait its id is needed, so that the answer can name it.
            var reading = CommandReader.Read(message.Span, standing.Limits);
            id = reading.Id ?? "";
            if (!reading.IsCommand)
            {
                Counters.CountUndecodable();
                return Rejected("", reading.Errors);
            }

            if (!isIn)
            {
                Counters.CountOverLimit();
                return Rejected(id, [new CommandError("", "$", ErrorCode.OverLimit, why! + " Nothing was changed; the same command may be sent again.")]);
            }

            if (reading.Command is Command.Transaction { Mode: TransactionMode.Plan } or Command.Past { Mode: TransactionMode.Plan }) return await PlanAsync(reading.Command, standing).ConfigureAwait(false);
            if (Queue(id, reading, standing, pass, out var refused) is not { } queued) return refused!;
            // From here on it counts until it has its outcome, whether or not somebody waits for that.
            isIn = false;
            return await queued.Done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception bug) when (isIn)
        {
            return Mistaken(id, bug);
        }
        finally
        {
            if (isIn) pass.Leave();
        }
    }

    /// <summary>Makes it wait for its decision; null with the answer when that cannot be.</summary>
    private Request? Queue(string id, CommandReading reading, Standing standing, SenderGate.Pass pass, out Outcome? refused)
    {
        var request = new Request(new CommandKey(standing.Speaker.Principal, id), reading, Digest(reading.Body!.Value), standing.Speaker, pass)
        {
            Transaction = reading.Command is Command.Transaction transaction ? TransactionRequest.Read(transaction, standing.Limits) : null,
        };
        refused = null;
        // Looked up while others are decided, so that a look into the past holds nobody up for long.
        if (reading.Command is Command.Past past) request.Past = LookBackAsync(past);
        StartFinding(request);
        if (_queue.TryWrite(request.Key.Principal, request)) return request;
        request.Transaction?.Dispose();
        refused = Unavailable(id, "The gateway stops.");
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Complete();
        await _loop.ConfigureAwait(false);
        var drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.Exchange(ref _drained, drained);
        if (Interlocked.CompareExchange(ref _open, 0, 0) > 0) await drained.Task.ConfigureAwait(false);
        _parts.Sequencer.Rewound -= OnRewound;
        _queue.Dispose();
    }

    private void OnRewound(Exception why) => _state.Rewind(_parts.Sequencer.Stored.Position);

    private async Task LoopAsync()
    {
        while (await _queue.ReadAsync().ConfigureAwait(false) is (true, { } request))
        {
            Interlocked.Increment(ref _open);
            try
            {
                await TakeAsync(request).ConfigureAwait(false);
            }
            catch (Exception bug)
            {
                // One command's fault is its own.
                Answer(request, Mistaken(request.Key.Id, bug));
            }
        }
    }

    private async Task TakeAsync(Request request)
    {
        _decided++;
        if (_memory.TryGet(request.Key, out var known))
        {
            Repeat(request, known.BodyHash, known.Outcome);
            return;
        }

        if (_decided - request.FoundAt > CommandMemory.StaleAfter) StartFinding(request);
        RecordedCommand? recorded;
        try
        {
            recorded = await request.Found!.ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Answer(request, JournalUnavailable(request.Key.Id, "The journal cannot be read."));
            return;
        }

        if (recorded is not null) Repeat(request, recorded.BodyHash, Task.FromResult(Recall(recorded)));
        else
        {
            if (request.Past is { } past) await past.ConfigureAwait(false);
            // Again when the journal gave up what the decision was built upon; each time it does, it has failed to write, so this ends.
            while (!TryDecide(request))
            {
            }
        }
    }

    /// <summary>False when the state was rewound meanwhile.</summary>
    private bool TryDecide(Request request)
    {
        if (_parts.Sequencer.Refusal is { } refusal)
        {
            Answer(request, JournalUnavailable(request.Key.Id, refusal));
            return true;
        }

        var (state, generation) = _state.Read();
        try
        {
            switch (request.Reading.Command)
            {
                case null:
                    Reject(request, request.Reading.Errors, generation);
                    break;
                case Command.Sa sa:
                    DecideSa(request, sa, state, generation);
                    break;
                case Command.ClearSessions clear:
                    DecideClear(request, clear, state, generation);
                    break;
                case Command.Past:
                    request.Transaction = request.Past!.GetAwaiter().GetResult()(state);
                    DecideTransaction(request, state, generation);
                    break;
                default:
                    DecideTransaction(request, state, generation);
                    break;
            }

            return true;
        }
        catch (DecidedOnVoidStateException)
        {
            return false;
        }
        catch (JournalUnavailableException)
        {
            Answer(request, JournalUnavailable(request.Key.Id, "The journal cannot be written."));
            return true;
        }
    }

    private void DecideSa(Request request, Command.Sa command, RunningConfiguration state, long generation)
    {
        var (taken, errors) = SaCommandDecider.Decide(command, state, request.Speaker);
        if (taken is null)
        {
            Reject(request, errors, generation);
            return;
        }

        var receipt = Append(request, [taken], (_, last) => new Outcome { Id = command.Id, Status = OutcomeStatus.Accepted, Position = last }, generation);
        _ = FinishAsync(request, receipt, () =>
        {
            _parts.SaCommands.Submit(new SaRequest(command.Verb, new ConnectionName(command.Connection), command.Child is { } child ? new ChildName(child) : null, command.Id, receipt.Last, command.Number, command.Reauth));
            Counters.CountAccepted();
            return Task.FromResult(new Outcome { Id = command.Id, Status = OutcomeStatus.Accepted, Position = receipt.Last });
        });
    }

    private void DecideClear(Request request, Command.ClearSessions command, RunningConfiguration state, long generation)
    {
        var (cleared, errors) = SessionCommandDecider.Decide(command, state, request.Speaker);
        if (cleared is null)
        {
            Reject(request, errors, generation);
            return;
        }

        var receipt = Append(request, [cleared], (_, last) => new Outcome { Id = command.Id, Status = OutcomeStatus.Accepted, Position = last }, generation);
        _ = FinishAsync(request, receipt, () =>
        {
            _parts.Sessions?.Clear(cleared.Address, cleared.Rule, cleared.Vrf);
            Counters.CountAccepted();
            return Task.FromResult(new Outcome { Id = command.Id, Status = OutcomeStatus.Accepted, Position = receipt.Last });
        });
    }

    private void DecideTransaction(Request request, RunningConfiguration state, long generation)
    {
        var decision = TransactionDecider.Decide(request.Transaction!, state, _context, HoldsSecret, request.Speaker);
        if (decision is TransactionDecision.Rejected rejected)
        {
            Reject(request, rejected.Errors, generation);
            return;
        }

        var accepted = (TransactionDecision.Accepted)decision;
        if (!TryKeep(request, accepted, out var kept))
        {
            Answer(request, Unavailable(request.Key.Id, "The vault cannot be written."));
            return;
        }

        AppendReceipt receipt;
        try
        {
            receipt = Append(request, accepted.Events, (_, last) => Accepted(request.Key.Id, accepted, last, Provisional(accepted)), generation);
        }
        catch
        {
            foreach (var slot in kept) _parts.Vault.Shred(slot);
            throw;
        }

        _state.Advance(accepted.Next, receipt.Last, generation);
        _ = FinishAsync(request, receipt, () => ApplyAsync(request.Key.Id, accepted, receipt), () =>
        {
            foreach (var slot in kept) _parts.Vault.Shred(slot);
        });
    }

    private async Task<Outcome> ApplyAsync(string id, TransactionDecision.Accepted accepted, AppendReceipt receipt)
    {
        _state.Commit(receipt.Last);
        var items = await _parts.Reconciler.ApplyAsync(accepted.Next, [.. accepted.Changed.Select(c => c.Key)]).ConfigureAwait(false);
        foreach (var slot in accepted.Dropped) _parts.Vault.Shred(slot);
        Counters.CountAccepted();
        return Accepted(id, accepted, receipt.Last, items);
    }

    private Outcome Accepted(string id, TransactionDecision.Accepted accepted, long position, IEnumerable<ItemOutcome> changed) => new()
    {
        Id = id,
        Status = OutcomeStatus.Accepted,
        Revision = accepted.Next.Revision,
        Position = position,
        Items =
        [
            .. changed,
            .. accepted.Unchanged.Select(k => new ItemOutcome(k.ToString(), ItemState.Unchanged, _parts.Reconciler.StatusOf(k)?.WaitsFor)),
            .. accepted.Kept.Select(k => new ItemOutcome(k.ToString(), ItemState.Kept)),
        ],
    };

    /// <summary>What the journal records as the outcome: the items' states are not known yet, and are looked up when it is asked for again.</summary>
    private static IEnumerable<ItemOutcome> Provisional(TransactionDecision.Accepted accepted) =>
        accepted.Changed.Select(c => new ItemOutcome(c.Key.ToString(), c.After is null ? ItemState.Deleted : ItemState.Applied));

    private Outcome Recall(RecordedCommand recorded)
    {
        var outcome = JsonSerializer.Deserialize<Outcome>(recorded.Outcome.Span, PolicyJson.Options)!;
        return outcome with
        {
            Items = outcome.Items.Select(i => i.State == ItemState.Applied && ItemKey.TryParse(i.Item, out var key) && _parts.Reconciler.StatusOf(key) is { State: ItemState.Pending } status && status.Revision == outcome.Revision
                ? i with { State = ItemState.Pending, WaitsFor = status.WaitsFor }
                : i).ToValueList(),
        };
    }

    /// <summary>Puts the new values of secrets into the vault, before the events that name them; false, with nothing kept, when it is full.</summary>
    private bool TryKeep(Request request, TransactionDecision.Accepted accepted, out List<KeyHandle> kept)
    {
        kept = [];
        var named = accepted.Changed.Select(c => c.After?.Spec).OfType<SecretSpec>().Select(s => s.Handle).ToHashSet();
        try
        {
            foreach (var put in request.Transaction!.Puts)
            {
                if (put.Secret is not { } secret || !named.Contains(secret.Slot)) continue;
                kept.Add(secret.Slot);
                secret.Use((slot, value) =>
                {
                    _parts.Vault.Put(slot, value);
                    return true;
                });
            }

            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            foreach (var slot in kept) _parts.Vault.Shred(slot);
            return false;
        }
    }

    private bool HoldsSecret(KeyHandle slot, Policy.Items.Reading.TakenSecret value) => value.Use((_, octets) => _parts.Vault.Matches(slot, octets));

    private AppendReceipt Append(Request request, IReadOnlyList<GatewayEvent> events, Func<long, long, Outcome> outcome, long generation)
    {
        var context = new EventContext(request.Key.Principal, _parts.Clock.GetUtcNow(), request.Key.Id, request.Reading.Command?.Issuer);
        var receipt = _parts.Sequencer.Append(
            _ => _state.IsStill(generation) ? events : throw new DecidedOnVoidStateException(),
            context,
            (first, last) => new RecordedCommand(request.Key, request.BodyHash, first, JsonSerializer.SerializeToUtf8Bytes(outcome(first, last), PolicyJson.Options)),
            Durability.Synced);
        _memory.Add(request.Key, request.BodyHash, request.Done.Task);
        return receipt;
    }

    private void Reject(Request request, ValueList<CommandError> errors, long generation)
    {
        Counters.CountRejected();
        var outcome = Rejected(request.Key.Id, errors);
        if (!_budget.TryTake(request.Key.Principal, out var suppressed))
        {
            Counters.CountRejectedUnjournalled();
            Answer(request, outcome);
            return;
        }

        var receipt = Append(request, [RejectionNotes.Of(request.Transaction?.Command, errors, suppressed)], (_, last) => outcome with { Position = last }, generation);
        _ = FinishAsync(request, receipt, () => Task.FromResult(outcome with { Position = receipt.Last }));
    }

    private async Task FinishAsync(Request request, AppendReceipt receipt, Func<Task<Outcome>> stored, Action? undo = null)
    {
        try
        {
            await receipt.Stored.ConfigureAwait(false);
        }
        catch (Exception)
        {
            undo?.Invoke();
            _memory.Forget(request.Key);
            Answer(request, JournalUnavailable(request.Key.Id, "The journal could not be written."));
            return;
        }

        try
        {
            Answer(request, await stored().ConfigureAwait(false));
        }
        catch (Exception bug)
        {
            // It is stored, so it is accepted whatever went wrong afterwards.
            Answer(request, new Outcome
            {
                Id = request.Key.Id,
                Status = OutcomeStatus.Accepted,
                Position = receipt.Last,
                Errors = [new CommandError("", "$", ErrorCode.Internal, $"The gateway made a mistake while applying it ({bug.GetType().Name}).")],
            });
        }
    }

    /// <summary>Answers a key that was seen before: the first outcome again, or <c>id-reused</c> when the body is another.</summary>
    private void Repeat(Request request, Octets firstBody, Task<Outcome> first)
    {
        if (!CryptographicOperations.FixedTimeEquals(firstBody.Span, request.BodyHash.Span))
        {
            Counters.CountRejected();
            Answer(request, Rejected(request.Key.Id, [new CommandError("", "$.id", ErrorCode.IdReused, "This id was used before for another command.")]));
            return;
        }

        Counters.CountDuplicate();
        _ = RepeatAsync(request, first);
    }

    private async Task RepeatAsync(Request request, Task<Outcome> first)
    {
        var outcome = await first.ConfigureAwait(false);
        // What left no trace is answered as it was: there is no first outcome yet.
        var isFinal = !outcome.Errors.Any(e => ErrorCode.IsUnavailable(e.Code));
        Answer(request, isFinal ? outcome with { Status = OutcomeStatus.Duplicate, First = outcome.Status } : outcome);
    }

    private async Task<Outcome> PlanAsync(Command command, Standing standing)
    {
        RunningConfiguration? then = null;
        if (command is Command.Transaction { At: { } at })
        {
            var (found, error) = await PastAsync(at, "$.at").ConfigureAwait(false);
            if (error is not null)
            {
                Counters.CountRejected();
                return Rejected(command.Id, [error]);
            }

            then = found;
        }

        var make = command is Command.Past past ? await LookBackAsync(past).ConfigureAwait(false) : null;
        var state = then ?? _state.Read().State;
        using var request = make?.Invoke(state) ?? TransactionRequest.Read((Command.Transaction)command, standing.Limits);
        var decision = TransactionDecider.Decide(request, state, _context, HoldsSecret, standing.Speaker);
        if (decision is not TransactionDecision.Accepted accepted)
        {
            Counters.CountRejected();
            return Rejected(command.Id, ((TransactionDecision.Rejected)decision).Errors);
        }

        Counters.CountPlanned();
        var plan = then is null ? _parts.Reconciler.Simulate(accepted.Next) : _parts.Reconciler.Simulate(accepted.Next, then);
        var waiting = plan.Waiting.ToDictionary(w => w.Key, w => w.WaitsFor);
        var given = request.Puts.Where(p => p.Secret is not null).Select(p => p.Item.Key).ToHashSet();
        foreach (var change in accepted.Changed)
            if (change.After?.Spec is SecretSpec secret && !given.Contains(change.Key) && !_parts.Vault.Holds(secret.Handle)) waiting[change.Key] = "secret needed";
        var items = accepted.Changed.Select(c => new ItemOutcome(
            c.Key.ToString(),
            c.After is null ? ItemState.Deleted : waiting.ContainsKey(c.Key) ? ItemState.Pending : ItemState.Applied,
            waiting.GetValueOrDefault(c.Key)));
        return Accepted(command.Id, accepted, 0, items) with { Status = OutcomeStatus.Planned, Position = null, Steps = plan.Steps.Select(s => s.ToString()).ToValueList() };
    }

    /// <summary>Reads what a command that goes back needs of the past; what comes of it never fails, but may be a request that is refused.</summary>
    private async Task<Func<RunningConfiguration, TransactionRequest>> LookBackAsync(Command.Past command)
    {
        var isUndo = command.Verb == PastVerb.Undo;
        var (after, error) = await PastAsync(command.Moment, isUndo ? "$.revision" : "$.at").ConfigureAwait(false);
        var before = after;
        if (isUndo && error is null)
        {
            var revision = long.Parse(command.Moment, System.Globalization.CultureInfo.InvariantCulture);
            (before, error) = await PastAsync((revision - 1).ToString(System.Globalization.CultureInfo.InvariantCulture), "$.revision").ConfigureAwait(false);
        }

        return error is null ? state => PastDecider.Request(command, before!, after!, state) : _ => PastDecider.Refused(command, error);
    }

    private async Task<(RunningConfiguration? Then, CommandError? Error)> PastAsync(string at, string path)
    {
        if (_parts.Past is not { } past) return (null, new CommandError("", path, ErrorCode.NotSupported, "This gateway cannot look back."));
        try
        {
            return (await past(at, CancellationToken.None).ConfigureAwait(false), null);
        }
        catch (Api.AskedWrongException e)
        {
            return (null, new CommandError("", path, e.Code == "invalid-moment" ? ErrorCode.InvalidValue : ErrorCode.NotFound, e.Message));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return (null, new CommandError("", path, ErrorCode.Internal, $"The journal could not be read back ({e.GetType().Name}); nothing was changed."));
        }
    }

    private void StartFinding(Request request)
    {
        request.FoundAt = Volatile.Read(ref _decided);
        request.Found = _parts.Journal.FindCommandAsync(request.Key, CancellationToken.None).AsTask();
    }

    private Octets Digest(JsonElement body)
    {
        var canonical = CanonicalJson.Write(body);
        var digest = _parts.Digest.Of(canonical);
        CryptographicOperations.ZeroMemory(canonical);
        return digest;
    }

    // The type only: the message of an exception may repeat a value.
    private static Outcome Mistaken(string id, Exception bug) =>
        Rejected(id, [new CommandError("", "$", ErrorCode.Internal, $"The gateway made a mistake ({bug.GetType().Name}); nothing was changed.")]);

    private static Outcome Rejected(string id, ValueList<CommandError> errors) => new() { Id = id, Status = OutcomeStatus.Rejected, Errors = errors };

    private Outcome Unavailable(string id, string why, string code = ErrorCode.Unavailable)
    {
        Counters.CountUnavailable();
        return Rejected(id, [new CommandError("", "$", code, $"{why} Nothing was changed; the same command may be sent again.")]);
    }

    private Outcome JournalUnavailable(string id, string why) => Unavailable(id, why, ErrorCode.JournalUnavailable);

    private void Answer(Request request, Outcome outcome)
    {
        request.Transaction?.Dispose();
        if (!request.Done.TrySetResult(outcome)) return;
        request.Pass.Leave();
        if (Interlocked.Decrement(ref _open) == 0) _drained?.TrySetResult();
    }

    private sealed class Request(CommandKey key, CommandReading reading, Octets bodyHash, Speaker speaker, SenderGate.Pass pass)
    {
        public SenderGate.Pass Pass { get; } = pass;

        public Speaker Speaker { get; } = speaker;

        public CommandKey Key { get; } = key;

        public CommandReading Reading { get; } = reading;

        public Octets BodyHash { get; } = bodyHash;

        public TransactionRequest? Transaction { get; set; }

        /// <summary>Of a command that goes back: makes its transaction out of the configuration as it is when it is decided.</summary>
        public Task<Func<RunningConfiguration, TransactionRequest>>? Past { get; set; }

        public Task<RecordedCommand?>? Found { get; set; }

        /// <summary>How many decisions had been made when the look-up began.</summary>
        public long FoundAt { get; set; }

        public TaskCompletionSource<Outcome> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
