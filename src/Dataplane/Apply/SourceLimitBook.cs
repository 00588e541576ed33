using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Gateway.Dataplane.Guard;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Apply;

/// <summary>The limits per source. Under the gate of <see cref="DataplaneControl"/>.</summary>
internal sealed unsafe class SourceLimitBook(GuardTable table, Epochs epochs, Lock gate, int workers)
{
    private readonly Dictionary<string, (uint Number, SourceLimitSpec Spec)> _limits = new(StringComparer.Ordinal);
    private readonly Stack<uint> _free = new(Enumerable.Range(1, GuardTable.LimitCapacity - 1).Reverse().Select(n => (uint)n));

    public uint NumberOf(string? name) => name is null ? 0 : _limits.GetValueOrDefault(name).Number;

    /// <summary>Adds a limit or changes one, which forgets what sources used.</summary>
    public void Set(string name, SourceLimitSpec spec)
    {
        var isNew = !_limits.TryGetValue(name, out var before);
        if (isNew && !_free.TryPop(out before.Number)) throw new ArgumentException($"There are {GuardTable.LimitCapacity - 1} limits per source already.", nameof(name));
        if (!isNew && before.Spec == spec) return;
        _limits[name] = (before.Number, spec);
        var limit = (SourceLimit*)NativeMemory.AlignedAlloc((nuint)sizeof(SourceLimit), 64);
        var mask6 = spec.Ipv6Prefix == 0 ? default : UInt128.MaxValue << (128 - spec.Ipv6Prefix);
        *limit = new SourceLimit
        {
            Packets = Make(spec.PacketsPerSecond, spec.PacketBurst, spec.Sources),
            Flows = Make(spec.FlowsPerSecond, spec.FlowBurst, spec.Sources),
            Mask4 = uint.MaxValue << (32 - spec.Ipv4Prefix),
            Mask6High = (ulong)(mask6 >> 64),
            Mask6Low = (ulong)mask6,
            Counters = table.LimitCounters(before.Number, workers, clear: isNew),
        };
        Exchange(before.Number, limit);
    }

    /// <summary>Removes a limit; what still names it passes.</summary>
    public bool Remove(string name)
    {
        if (!_limits.Remove(name, out var gone)) return false;
        Exchange(gone.Number, null);
        epochs.Retire(() =>
        {
            lock (gate) _free.Push(gone.Number);
        });
        return true;
    }

    public IReadOnlyList<SourceLimitRow> Rows(Func<string, IReadOnlyList<string>> asking, long now)
    {
        var rows = new List<SourceLimitRow>();
        foreach (var (name, (number, spec)) in _limits.OrderBy(l => l.Key, StringComparer.Ordinal))
        {
            var limit = table.Limit(number);
            var (active, limited) = limit->Packets == null ? (0, 0) : SourceTable.Count(limit->Packets, now);
            rows.Add(new SourceLimitRow(name, spec, asking(name), active, limited, Sum(SourceLimit.Passed), Sum(SourceLimit.Limited), Sum(SourceLimit.FlowsLimited), Sum(SourceLimit.Crowded)));

            ulong Sum(int counter)
            {
                ulong sum = 0;
                for (var worker = 0; worker < workers; worker++) sum += Volatile.Read(ref limit->Counters[worker * SourceLimit.CounterStride + counter]);
                return sum;
            }
        }

        return rows;
    }

    private static SourceTable* Make(int? perSecond, int? burst, int sources)
    {
        if (perSecond is not { } rate) return null;
        return SourceTable.Make(sources, rate, burst ?? Math.Max(10, rate / 10), BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));
    }

    private void Exchange(uint number, SourceLimit* limit)
    {
        var before = (nint)table.ExchangeLimit(number, limit);
        if (before != 0) epochs.Retire(() => SourceLimit.Free((SourceLimit*)before));
    }
}
