using Gateway.Policy.Items;

namespace Gateway.Policy.Planning;

/// <summary>
/// Orders the way from what is applied to what is desired: first everything that goes, dependents before what they depend on; then everything that comes
/// or changes, dependencies first. What cannot be changed in place goes and comes again, and with it all that was made upon it. What is changed in place and
/// thereby lets go of something else that goes stays in force: then the other goes last. Pure and deterministic: the same input gives the same steps.
/// </summary>
public sealed class Planner
{
    private readonly IReadOnlyDictionary<ItemKey, Item> _desired;
    private readonly AppliedState _applied;
    private readonly IReadOnlyDictionary<string, IDescriptor> _descriptors;
    private readonly Func<ItemKey, string?> _held;
    private readonly HashSet<ItemKey> _scope;
    private readonly Dictionary<ItemKey, ValueList<ItemKey>> _dependencies = [];
    private readonly Dictionary<ItemKey, string> _waiting = [];
    private readonly HashSet<ItemKey> _removed = [];

    private Planner(IReadOnlyDictionary<ItemKey, Item> desired, AppliedState applied, IReadOnlyDictionary<string, IDescriptor> descriptors, IEnumerable<ItemKey> scope, Func<ItemKey, string?> held)
    {
        (_desired, _applied, _descriptors, _held) = (desired, applied, descriptors, held);
        _scope = Closure(scope, applied.DependentsOf);
    }

    /// <summary>Plans for every item.</summary>
    public static Plan Plan(IReadOnlyDictionary<ItemKey, Item> desired, AppliedState applied, IReadOnlyDictionary<string, IDescriptor> descriptors) =>
        Plan(desired, applied, descriptors, desired.Keys.Concat(applied.Keys), _ => null);

    /// <summary>Plans for the items of <paramref name="scope"/> and those made upon them; all others must be in force as desired, or be waiting.</summary>
    /// <param name="desired">The whole desired state.</param>
    /// <param name="applied">The whole applied state.</param>
    /// <param name="descriptors">By kind.</param>
    /// <param name="scope">Items that changed, or that waited.</param>
    /// <param name="held">Why nothing is to be tried with an item just now; null when it is free.</param>
    public static Plan Plan(
        IReadOnlyDictionary<ItemKey, Item> desired, AppliedState applied, IReadOnlyDictionary<string, IDescriptor> descriptors, IEnumerable<ItemKey> scope, Func<ItemKey, string?> held) =>
        new Planner(desired, applied, descriptors, scope, held).Plan();

    private Plan Plan()
    {
        foreach (var key in _scope)
            if (_desired.TryGetValue(key, out var item) && _descriptors.TryGetValue(key.Kind, out var descriptor))
                _dependencies[key] = descriptor.Dependencies(item, _desired).Distinct().Order(ItemOrder.Instance).ToValueList();
        // Whether something must go depends on what can come, and the other way round only through items that are held; so one round of each is enough.
        var order = Order();
        Remove(order.ToHashSet());
        var gone = new HashSet<ItemKey>();
        var steps = new List<PlanStep>(Deletes(gone, isLate: false));
        foreach (var key in order)
            if (Step(key) is { } step) steps.Add(step);
        steps.AddRange(Deletes(gone, isLate: true));
        return new Plan(steps, [.. _waiting.OrderBy(w => w.Key, ItemOrder.Instance).Select(w => new WaitingItem(w.Key, w.Value))]);
    }

    private PlanStep? Step(ItemKey key)
    {
        if (_held(key) is not null) return null;
        var to = _desired[key];
        if (_removed.Contains(key) || !_applied.TryGet(key, out var from) || !from.Whole) return new PlanStep(StepKind.Create, null, to, _dependencies[key]);
        return Same(from.Item, to) && from.Dependencies == _dependencies[key] ? null : new PlanStep(StepKind.Update, from.Item, to, _dependencies[key]);
    }

    /// <summary>The desired items that can come, dependencies first (Kahn's algorithm, the smallest key first); the rest is left in <see cref="_waiting"/>.</summary>
    private List<ItemKey> Order()
    {
        var missing = new Dictionary<ItemKey, int>(_dependencies.Count);
        var unblocks = new Dictionary<ItemKey, List<ItemKey>>();
        var ready = new PriorityQueue<ItemKey, ItemKey>(ItemOrder.Instance);
        foreach (var (key, dependencies) in _dependencies)
        {
            var open = 0;
            foreach (var dependency in dependencies)
            {
                if (!_scope.Contains(dependency) && _desired.ContainsKey(dependency) && _applied.IsInForce(dependency)) continue;
                open++;
                if (!unblocks.TryGetValue(dependency, out var list)) unblocks[dependency] = list = [];
                list.Add(key);
            }

            missing[key] = open;
            if (open == 0) ready.Enqueue(key, key);
        }

        var order = new List<ItemKey>(_dependencies.Count);
        while (ready.TryDequeue(out var key, out _))
        {
            if (_held(key) is { } why && !StaysInForce(key))
            {
                _waiting[key] = why;
                continue;
            }

            order.Add(key);
            if (!unblocks.TryGetValue(key, out var list)) continue;
            foreach (var next in list)
                if (--missing[next] == 0) ready.Enqueue(next, next);
        }

        foreach (var key in _scope.Where(k => _desired.ContainsKey(k) && !_dependencies.ContainsKey(k))) _waiting[key] = $"a gateway that knows the kind {key.Kind}";
        Explain(order);
        return order;
    }

    /// <summary>A held item that is applied stays while nothing but an update in place is open.</summary>
    private bool StaysInForce(ItemKey key) => _applied.TryGet(key, out var from) && from.Whole && !MustGo(key, from);

    private bool MustGo(ItemKey key, AppliedItem from)
    {
        if (!_desired.TryGetValue(key, out var to) || !_dependencies.TryGetValue(key, out var dependencies)) return true;
        if (!from.Whole) return !Same(from.Item, to);
        return !(Same(from.Item, to) && dependencies == from.Dependencies) && !_descriptors[key.Kind].CanUpdate(from.Item.Spec, to.Spec);
    }

    private void Remove(HashSet<ItemKey> coming)
    {
        var roots = _scope.Where(k => _applied.TryGet(k, out var from) && (!coming.Contains(k) || MustGo(k, from))).ToList();
        var removed = Closure(roots, key => _applied.DependentsOf(key).Where(d => !LetsGo(d, key, coming)));
        // What must be gone before it can come again cannot be among those that go last.
        if (removed.Any(key => _applied.DependentsOf(key).Any(d => !removed.Contains(d))) && Last(removed).Any(_desired.ContainsKey)) removed = Closure(roots, _applied.DependentsOf);
        _removed.UnionWith(removed);
    }

    /// <summary>An item stays, is changed in place, and does not need <paramref name="gone"/> any more, which goes for good; nothing that comes is in the way of that.</summary>
    private bool LetsGo(ItemKey key, ItemKey gone, HashSet<ItemKey> coming) =>
        coming.Contains(key) && _applied.TryGet(key, out var from) && from.Whole && _held(key) is null && !MustGo(key, from)
        && !_desired.ContainsKey(gone) && !_dependencies[key].Contains(gone) && !IsTakenOver(gone);

    /// <summary>Another item is to have a value that this one has and that only one can have, such as a device or an address.</summary>
    private bool IsTakenOver(ItemKey key) =>
        _desired is RunningConfiguration configuration && _applied.TryGet(key, out var from) && ItemCatalog.TryGet(key.Kind, out var kind) && kind.Rules.Claims(from.Item).Any(c => configuration.HolderOf(c.Claim) is not null);

    /// <summary>Of those that go the ones under which something stays.</summary>
    private HashSet<ItemKey> Last(HashSet<ItemKey> removed)
    {
        var first = removed.Where(key => _applied.DependentsOf(key).Any(d => !removed.Contains(d)));
        return Closure(first, key => _applied.TryGet(key, out var from) ? from.Dependencies.Where(removed.Contains) : []);
    }

    /// <summary>Dependents first. Late are those under which something stayed that has let go of them meanwhile.</summary>
    private List<PlanStep> Deletes(HashSet<ItemKey> gone, bool isLate)
    {
        var steps = new List<PlanStep>();
        var above = _removed.Where(k => !gone.Contains(k)).ToDictionary(k => k, k => _applied.DependentsOf(k).Count(d => !isLate || (_removed.Contains(d) && !gone.Contains(d))));
        var ready = new PriorityQueue<ItemKey, ItemKey>(Comparer<ItemKey>.Create((a, b) => ItemOrder.Instance.Compare(b, a)));
        foreach (var (key, count) in above)
            if (count == 0) ready.Enqueue(key, key);
        while (ready.TryDequeue(out var key, out _))
        {
            if (_held(key) is not null || !_applied.TryGet(key, out var from)) continue;
            gone.Add(key);
            steps.Add(new PlanStep(StepKind.Delete, from.Item, null, []));
            foreach (var dependency in from.Dependencies)
                if (above.ContainsKey(dependency) && --above[dependency] == 0) ready.Enqueue(dependency, dependency);
        }

        return steps;
    }

    /// <summary>Says of every desired item that cannot come what it waits for.</summary>
    private void Explain(List<ItemKey> order)
    {
        var coming = order.ToHashSet();
        var stuck = _dependencies.Keys.Where(k => !coming.Contains(k) && !_waiting.ContainsKey(k)).Order(ItemOrder.Instance).ToList();
        foreach (var key in stuck)
        {
            var open = _dependencies[key].Where(d => !coming.Contains(d) && (_scope.Contains(d) || !_desired.ContainsKey(d) || !_applied.IsInForce(d))).ToList();
            _waiting[key] = Cycle(key) ?? open[0].ToString();
        }
    }

    /// <summary>The cycle that <paramref name="start"/> lies in, as a sentence; null when it lies in none.</summary>
    private string? Cycle(ItemKey start)
    {
        var cameFrom = new Dictionary<ItemKey, ItemKey>();
        var queue = new Queue<ItemKey>([start]);
        while (queue.TryDequeue(out var key))
        {
            if (!_dependencies.TryGetValue(key, out var dependencies)) continue;
            foreach (var next in dependencies)
            {
                if (next == start)
                {
                    var way = new List<ItemKey> { start };
                    for (var at = key; at != start; at = cameFrom[at]) way.Add(at);
                    way.Add(start);
                    way.Reverse();
                    return $"a way out of the cycle {string.Join(" → ", way)}";
                }

                if (next != start && cameFrom.TryAdd(next, key)) queue.Enqueue(next);
            }
        }

        return null;
    }

    private static bool Same(Item a, Item b) => ReferenceEquals(a.Spec, b.Spec) || a.Spec.Equals(b.Spec);

    private static HashSet<ItemKey> Closure(IEnumerable<ItemKey> roots, Func<ItemKey, IEnumerable<ItemKey>> next)
    {
        var all = new HashSet<ItemKey>();
        var open = new Stack<ItemKey>(roots);
        while (open.TryPop(out var key))
        {
            if (!all.Add(key)) continue;
            foreach (var other in next(key)) open.Push(other);
        }

        return all;
    }
}
