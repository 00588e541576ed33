using System.Net;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Unit.Policy.Planning;

/// <summary>A world of items with any dependencies, that refuses every step out of order. An item is a route whose next hop counts its changes, and whose interface lists its dependencies.</summary>
internal sealed class ToyWorld : IDescriptor
{
    private Dictionary<ItemKey, Item> _desired = [];

    public IReadOnlyDictionary<ItemKey, Item> Desired => _desired;

    public AppliedState Applied { get; private set; } = AppliedState.Empty;

    public IReadOnlyDictionary<string, IDescriptor> Descriptors => new Dictionary<string, IDescriptor> { ["route"] = this };

    public string Kind => "route";

    /// <summary>A new desired state; items that stay and keep their dependencies keep their changes.</summary>
    public void Desire(params (string Name, string[] Dependencies)[] items)
    {
        var before = _desired;
        _desired = items.Select(i =>
        {
            var key = Key(i.Name);
            var dependencies = string.Join(",", i.Dependencies);
            return before.TryGetValue(key, out var old) && ((RouteSpec)old.Spec).Interface == dependencies ? old : Make(key, dependencies, 0, 0);
        }).ToDictionary(i => i.Key);
    }

    public void Change(string name, bool inPlace)
    {
        var old = (RouteSpec)_desired[Key(name)].Spec;
        var (major, minor) = Version(old);
        _desired[Key(name)] = Make(Key(name), old.Interface!, inPlace ? major : major + 1, minor + 1);
    }

    public void Leave(string name) => Applied = Applied.With(new AppliedItem(_desired[Key(name)], [], Whole: false));

    public Plan Plan() => Planner.Plan(_desired, Applied, Descriptors);

    /// <summary>Does what the plan says and checks each step.</summary>
    public IReadOnlyList<string> CarryOut() => CarryOut(Plan());

    public IReadOnlyList<string> CarryOut(Plan plan)
    {
        foreach (var step in plan.Steps)
        {
            var there = Applied.TryGet(step.Key, out var applied);
            switch (step.Kind)
            {
                case StepKind.Delete:
                    Check(there, step, "is not there");
                    Check(Applied.DependentsOf(step.Key).Count == 0, step, "others still depend on it");
                    Applied = Applied.Without(step.Key);
                    break;
                case StepKind.Create:
                    Check(!there || !applied!.Whole, step, "is there already");
                    Put(step);
                    break;
                default:
                    Check(there && CanUpdate(applied!.Item.Spec, step.To!.Spec), step, "cannot change in place");
                    Put(step);
                    break;
            }
        }

        return [.. plan.Steps.Select(s => s.ToString())];
    }

    /// <summary>Everything is as desired, but for what waits; and what waits does so for a reason.</summary>
    public void CheckDone(Plan plan)
    {
        var waiting = plan.Waiting.ToDictionary(w => w.Key, w => w.WaitsFor);
        foreach (var (key, item) in _desired)
        {
            var can = Reachable(key, []);
            if (can == waiting.ContainsKey(key)) throw new InvalidOperationException($"{key} {(can ? "waits for nothing" : "cannot come, but does not wait")}");
            if (can != (Applied.TryGet(key, out var applied) && applied.Item.Spec.Equals(item.Spec))) throw new InvalidOperationException($"{key} is not as desired");
        }

        foreach (var key in Applied.Keys)
            if (!_desired.ContainsKey(key)) throw new InvalidOperationException($"{key} is still there");
    }

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) =>
        ((RouteSpec)item.Spec).Interface!.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Key);

    public bool CanUpdate(ItemSpec from, ItemSpec to) => Version((RouteSpec)from).Major == Version((RouteSpec)to).Major;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken) => throw new NotSupportedException();

    private static ItemKey Key(string name) => new("route", name);

    private static Item Make(ItemKey key, string dependencies, int major, int minor) => new(key, new RouteSpec
    {
        To = new IpPrefix(IPAddress.Any, 0),
        Via = new IPAddress([10, (byte)major, (byte)(minor >> 8), (byte)minor]),
        Interface = dependencies,
    });

    private static (int Major, int Minor) Version(RouteSpec spec) => spec.Via!.GetAddressBytes() is var b ? (b[1], b[2] << 8 | b[3]) : default;

    /// <summary>Slow and obvious: an item can come when all its dependencies can, without ever asking for itself.</summary>
    private bool Reachable(ItemKey key, HashSet<ItemKey> above) =>
        _desired.TryGetValue(key, out var item) && above.Add(key) && Dependencies(item, _desired).All(d => Reachable(d, [.. above]));

    private void Put(PlanStep step)
    {
        foreach (var dependency in step.Dependencies) Check(Applied.IsInForce(dependency), step, $"{dependency} is not in force");
        Applied = Applied.With(new AppliedItem(step.To!, step.Dependencies));
    }

    private static void Check(bool held, PlanStep step, string why)
    {
        if (!held) throw new InvalidOperationException($"{step}: {why}");
    }
}
