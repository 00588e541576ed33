using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Items.Reading;
using Gateway.Policy.Items.Rules;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Deciders;

/// <summary>Tells whether a value is the one that a slot holds; the vault answers, in a time that says nothing.</summary>
public delegate bool HoldsSecret(KeyHandle slot, TakenSecret value);

/// <summary>Decides transactions: a function of the request and the configuration before it. The same input gives the same events in the same order.</summary>
public static class TransactionDecider
{
    public static TransactionDecision Decide(TransactionRequest request, RunningConfiguration state, ValidationContext context, HoldsSecret holds, Speaker speaker)
    {
        var errors = new ErrorList(context.Limits.MaxErrors);
        foreach (var error in request.Errors) errors.Add(error.Item, error.Path, error.Code, error.Message);
        if (request.Command.ExpectedRevision is { } expected && expected != state.Revision)
            errors.Add("", "$.expected_revision", ErrorCode.WrongRevision, $"The configuration is at revision {state.Revision}, not {expected}.");

        var leave = new Leave(request.Command, speaker, state, errors);
        var puts = Resolve(request, state, holds, speaker, leave, errors);
        foreach (var (item, at) in puts) Kind(item.Key).Rules.Check(item, context, at["spec"]);
        var deletes = Deletes(request, state, puts, leave, errors);
        if (errors.Count > 0) return new TransactionDecision.Rejected(errors.ToValueList());

        var (changed, unchanged) = Changes(puts, deletes, state);
        var next = state.With(changed, state.Revision + 1);
        CheckTogether(puts, deletes, state, next, errors);
        if (errors.Count > 0) return new TransactionDecision.Rejected(errors.ToValueList());

        return new TransactionDecision.Accepted(
            [
                .. changed.Select(c => c.After is { } after ? (GatewayEvent)new ItemPut(c.Key, after.Spec) : new ItemDeleted(c.Key)),
                new TransactionCommitted(next.Revision, changed.Count, request.Command.Reason, changed.Count(c => state.TryGetValue(c.Key, out var before) && !speaker.Owns(before))),
            ],
            next,
            changed,
            unchanged,
            leave.Kept,
            [.. changed.Select(c => Slot(state.GetValueOrDefault(c.Key))).Where(slot => !slot.IsNone).Except(changed.Select(c => Slot(c.After)))]);
    }

    /// <summary>Gives each put secret its slot: a new one for a new value, the present one when the value is the same or none is given.</summary>
    private static List<(Item Item, ErrorScope At)> Resolve(TransactionRequest request, RunningConfiguration state, HoldsSecret holds, Speaker speaker, Leave leave, ErrorList errors)
    {
        var owner = Speaker.OwnerFrom(speaker.Principal);
        var puts = new List<(Item, ErrorScope)>(request.Puts.Count);
        foreach (var put in request.Puts)
        {
            // What may not be changed is not looked into either: the answer would tell about it.
            if (!leave.MayChange(put.Item.Key, put.Path)) continue;
            var item = put.Item with { Owner = owner };
            var at = new ErrorScope(errors, TransactionRequest.Named(item.Key), put.Path);
            if (item.Spec is SecretSpec secret)
            {
                var present = Slot(state.GetValueOrDefault(item.Key));
                var slot = put.Secret switch
                {
                    // Only what the gateway puts together itself names a slot: an item that goes back to what it was, its value there or shredded.
                    null when !secret.Handle.IsNone => secret.Handle,
                    null => present,
                    var value when !present.IsNone && holds(present, value) => present,
                    var value => value.Slot,
                };
                if (slot.IsNone) at["spec"][SecretReading.Member].Add(ErrorCode.SecretNeeded, "A new secret needs its value.");
                item = item with { Spec = secret with { Handle = slot } };
            }

            puts.Add((item, at));
        }

        return puts;
    }

    private static List<(ItemKey Key, string Path)> Deletes(TransactionRequest request, RunningConfiguration state, List<(Item Item, ErrorScope At)> puts, Leave leave, ErrorList errors)
    {
        if (request.Command.Replace)
        {
            var put = request.Puts.Select(p => p.Item.Key).ToHashSet();
            return [.. state.Values.Where(i => !put.Contains(i.Key) && leave.MayReplace(i)).Select(i => (i.Key, "$.replace"))];
        }

        var deletes = new List<(ItemKey, string)>(request.Deletes.Count);
        for (var i = 0; i < request.Deletes.Count; i++)
        {
            var key = request.Deletes[i];
            if (!leave.MayChange(key, $"$.delete[{i}]")) continue;
            if (state.ContainsKey(key)) deletes.Add((key, $"$.delete[{i}]"));
            else errors.Add(key.ToString(), $"$.delete[{i}]", ErrorCode.NotFound, "There is no such item.");
        }

        return deletes;
    }

    /// <summary>Only real changes, deletes first, each part by kind and name, so that the order in which a sender lists things leaves no trace.</summary>
    private static (List<ItemChange> Changed, List<ItemKey> Unchanged) Changes(List<(Item Item, ErrorScope At)> puts, List<(ItemKey Key, string Path)> deletes, RunningConfiguration state)
    {
        var changed = new List<ItemChange>(puts.Count + deletes.Count);
        var unchanged = new List<ItemKey>();
        changed.AddRange(deletes.Select(d => new ItemChange(d.Key, null)).OrderBy(c => c.Key, ItemOrder.Instance));
        foreach (var (item, _) in puts.OrderBy(p => p.Item.Key, ItemOrder.Instance))
        {
            // To take an item over is a change, to put what nobody owns as it is already is none.
            if (state.TryGetValue(item.Key, out var before) && before.Spec.Equals(item.Spec) && (before.Owner is null || before.Owner == item.Owner)) unchanged.Add(item.Key);
            else changed.Add(new ItemChange(item.Key, item));
        }

        return (changed, unchanged);
    }

    private static void CheckTogether(
        List<(Item Item, ErrorScope At)> puts, List<(ItemKey Key, string Path)> deletes, RunningConfiguration state, RunningConfiguration next, ErrorList errors)
    {
        var claimed = new Dictionary<Claim, ItemKey>();
        foreach (var (item, at) in puts)
        {
            var rules = Kind(item.Key).Rules;
            var spec = at["spec"];
            foreach (var reference in rules.References(item))
                if (!next.ContainsKey(reference.Target)) Below(spec, reference.Path).Add(ErrorCode.UnknownReference, $"There is no {Described(reference.Target)}.");
            foreach (var held in rules.Claims(item))
            {
                if (claimed.TryAdd(held.Claim, item.Key))
                {
                    // Held before, by an item that neither goes nor is put in this transaction (then the dictionary above decides).
                    if (state.HolderOf(held.Claim) is not { } holder || holder == item.Key || !next.TryGetValue(holder, out var other)) continue;
                    if (!Kind(holder).Rules.Claims(other).Any(c => c.Claim == held.Claim)) continue;
                    claimed[held.Claim] = holder;
                }

                if (claimed[held.Claim] is var first && first != item.Key)
                    Below(spec, held.Path).Add(ErrorCode.Conflict, $"{first} has the same {held.Claim.What} ({held.Claim.Value}).");
            }

            rules.CheckAmong(item, next, spec);
        }

        foreach (var ofKind in puts.GroupBy(p => p.Item.Key.Kind))
            Kind(ofKind.First().Item.Key).Rules.CheckTogether(next, ofKind.ToDictionary(p => p.Item.Key, p => p.At["spec"]));
        var put = puts.Select(p => p.Item.Key).ToHashSet();
        foreach (var (key, path) in deletes)
        {
            // Those that are put have been told above that their reference leads nowhere.
            var referrers = next.ReferrersOf(key).Where(r => !put.Contains(r)).ToList();
            if (referrers.Count == 0) continue;
            var named = referrers.Order(ItemOrder.Instance).Take(5).Select(r => r.ToString());
            errors.Add(key.ToString(), path, ErrorCode.Referenced, $"{string.Join(", ", named)}{(referrers.Count > 5 ? $" and {referrers.Count - 5} more" : "")} {(referrers.Count == 1 ? "refers" : "refer")} to it.");
        }
    }

    private static ErrorScope Below(ErrorScope spec, string path) => spec with { Path = spec.Path + path };

    // What is no name is not repeated; it may be anything.
    private static string Described(ItemKey key) => Names.IsItem(key.Name) ? key.ToString() : $"{key.Kind} of that name";

    private static KeyHandle Slot(Item? item) => item?.Spec is SecretSpec secret ? secret.Handle : KeyHandle.None;

    private static ItemKind Kind(ItemKey key) => ItemCatalog.TryGet(key.Kind, out var kind) ? kind : throw new System.Diagnostics.UnreachableException(key.Kind);
}
