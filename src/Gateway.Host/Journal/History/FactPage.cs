using Gateway.Host.Journal.Pages;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Events.Written;
using Gateway.Policy.Journal;
using Gateway.Projections;

namespace Gateway.Host.Journal.History;

/// <summary>Some checked events, one after the other, as folds take them.</summary>
public sealed class FactPage
{
    private readonly JournalFact[] _facts;
    private readonly byte[] _hashes;

    private FactPage(int count) => (_facts, _hashes) = (new JournalFact[count], new byte[count * HashChain.HashLength]);

    public int Count => _facts.Length;

    public JournalFact this[int index] => _facts[index];

    /// <summary>The place in the journal just behind a fact.</summary>
    public JournalHead HeadAt(int index) => new(_facts[index].Position, new Octets(_hashes.AsSpan(index * HashChain.HashLength, HashChain.HashLength)));

    /// <summary>Decodes the first <paramref name="count"/> events of a page.</summary>
    /// <exception cref="JournalDamagedException">One of them cannot be read.</exception>
    internal static FactPage Of(EventPage page, int count, EventReader reader, RecurringValues recurring)
    {
        var facts = new FactPage(count);
        for (var i = 0; i < count; i++)
        {
            var e = page[i];
            facts._facts[i] = new JournalFact(
                e.Position,
                EventPage.TimeOf(e),
                recurring.Principal(e.Door, e.Who),
                e.HasIssuer ? RecurringValues.Text(recurring, e.Issuer) : null,
                e.HasCommandId ? RecurringValues.Text(recurring, e.CommandId) : null,
                reader.Decode(e.Position, RecurringValues.Text(recurring, e.Name), e.Data, recurring));
            page.HashAt(i).CopyTo(facts._hashes.AsSpan(i * HashChain.HashLength));
        }

        return facts;
    }
}
