using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Bus;
using Gateway.Host.Journal;
using Gateway.Host.Journal.Heads;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>Signed heads go out over a real broker, so that somebody else can say later what the journal held.</summary>
public sealed class HeadsTests
{
    [Fact]
    public async Task A_follower_keeps_heads_by_which_a_rewritten_journal_is_found_out()
    {
        await using var broker = await PrivateBroker.StartAsync(TestContext.Current.CancellationToken);
        using var key = HeadKey.Create();
        HeadSigner? signer = null;
        await using var gateway = await BusWorld.StartAsync(broker.Uri, w =>
        {
            signer = new HeadSigner(w.Sequencer, key, new HeadSignerOptions { Gateway = w.Id, Interval = TimeSpan.FromHours(1) }, NullLogger.Instance);
            w.Head = () => signer.Last;
        });
        await gateway.ConnectedAsync();
        await using (var follower = await Orchestrator.ConnectAsync(broker.Uri))
        {
            var heads = await follower.FollowAsync(BusNames.Events, BusNames.HeadKey(gateway.Id));
            var everything = await follower.FollowAsync(BusNames.Events, $"event.{gateway.Id}.#");
            for (var i = 1; i <= 3; i++)
            {
                await gateway.ByHandAsync(Loopback(i));
                signer!.SignNow(synced: false);
                Assert.True(await BusWorld.Eventually(() => heads.Count >= i), $"{heads.Count} heads");
            }

            var signed = heads.Select(h => JsonSerializer.Deserialize<SignedHead>(h.Body.GetRawText(), ApiJson.Options)!).ToList();
            var stored = await gateway.StoredAsync();
            Assert.All(signed, h =>
            {
                Assert.True(h.IsSignedBy(key));
                Assert.Equal((gateway.Id, stored[(int)h.Position - 1].Hash), (h.Gateway, h.Hash));
            });
            Assert.Equal(signed.Select(h => h.Position).Order(), signed.Select(h => h.Position));
            Assert.DoesNotContain(everything, e => e.Body.TryGetProperty("signature", out _));
            // The journal as it is stands up to them; another past with a chain made to fit does not.
            Assert.Equal((3, (string?)null), await HeldAsync(gateway.Journal, signed, key));
            Assert.NotNull((await HeldAsync(await ForgedAsync(stored), signed, key)).Problem);
        }

        // While the broker is away heads are signed all the same; the newest one comes when it is back.
        await broker.KillAsync();
        await gateway.ByHandAsync(Loopback(4));
        signer!.SignNow(synced: false);
        await broker.StartAgainAsync(TestContext.Current.CancellationToken);
        await gateway.ConnectedAsync();
        await using var again = await Orchestrator.ConnectAsync(broker.Uri);
        var later = await again.FollowAsync(BusNames.Events, BusNames.HeadKey(gateway.Id));
        await gateway.ByHandAsync(Loopback(5));
        signer.SignNow(synced: false);
        Assert.True(await BusWorld.Eventually(() => later.Any(h => h.Body.GetProperty("position").GetInt64() == gateway.Sequencer.Stored.Position)));
        await signer.DisposeAsync();
    }

    private static async Task<(int Signed, string? Problem)> HeldAsync(Gateway.Policy.Journal.IJournal journal, IReadOnlyList<SignedHead> heads, HeadKey key)
    {
        var result = await JournalVerifier.HoldAsync(journal, new VerifyAgainst { Heads = heads, Key = key, MustBeSigned = true }, default);
        return (result.Signed, result.Problem);
    }

    private static async Task<Gateway.Policy.Journal.IJournal> ForgedAsync(IReadOnlyList<Gateway.Policy.Journal.Envelope> stored)
    {
        var forged = new MemoryJournal();
        await forged.OpenAsync(default);
        var hash = Gateway.Policy.Journal.HashChain.Genesis;
        var events = new List<Gateway.Policy.Journal.Envelope>();
        foreach (var e in stored)
        {
            var changed = e.Position == 1 ? e with { Issuer = "somebody else" } : e;
            hash = Gateway.Policy.Journal.HashChain.Next(hash, changed);
            events.Add(changed with { Hash = hash });
        }

        await forged.AppendAsync(new Gateway.Policy.Journal.AppendBatch([.. events], [], Gateway.Policy.Journal.Durability.Synced), default);
        return forged;
    }

    private static string Loopback(int n) => $$$"""{"id":"c{{{n}}}","put":[{"kind":"interface","name":"lo{{{n}}}","spec":{"type":"loopback","addresses":["10.9.0.{{{n}}}/32"]}}]}""";
}
